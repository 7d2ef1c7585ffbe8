// The login page: a passkey instead of a password, where the browser knows them.
import { possible, reason, sign } from "./passkey.js";
import { dress } from "./password.js";

const form = document.querySelector("form");
const button = document.getElementById("passkey");

async function post(path, fields) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ form_token: form.elements.form_token.value, ...fields }),
  });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.detail ?? `The dashboard answered ${answer.status}.`);
  return data;
}

function tell(text) {
  form.querySelector(".message")?.remove();
  const box = document.createElement("div");
  box.className = "message";
  box.setAttribute("role", "alert");
  box.textContent = text;
  form.querySelector("h1").after(box);
}

dress(form);
button.hidden = !possible();
button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    const begun = await post("/login/passkey", {});
    await post("/login/passkey/finish", { ceremony: begun.ceremony, response: await sign(begun.options) });
    location.assign("/");
  } catch (error) {
    tell(reason(error));
  } finally {
    button.disabled = false;
  }
});
