// WebAuthn in the browser: options and answers as JSON, as the server speaks them.

/** Can this page use passkeys at all? Not under an address such as https://127.0.0.1. */
export const possible = () => Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

export async function create(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options));
  return JSON.stringify(await navigator.credentials.create({ publicKey }));
}

export async function sign(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(options));
  return JSON.stringify(await navigator.credentials.get({ publicKey }));
}

/** What went wrong, for people. */
export const reason = (error) =>
  error.name === "NotAllowedError" ? "No passkey was chosen."
    : error.name === "InvalidStateError" ? "This device already has a passkey for this account."
    : error.message;
