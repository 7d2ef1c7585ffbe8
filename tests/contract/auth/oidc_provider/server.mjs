// A real OpenID Connect provider on loopback. Prints its issuer; whoever logs in as NAME is NAME@example.org,
// and unverified-NAME has an address that nobody verified.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const listener = createServer((request, response) => provider.callback()(request, response));
await new Promise((done) => listener.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${listener.address().port}`;
const redirect = process.argv[2];
const provider = new Provider(issuer, {
  clients: [
    { client_id: "cryptobot", client_secret: "a-secret-of-the-client", redirect_uris: [redirect] },
    { client_id: "public", token_endpoint_auth_method: "none", redirect_uris: [redirect] },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
  conformIdTokenClaims: false,
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id,
      email: `${id}@example.org`,
      email_verified: !id.startsWith("unverified"),
      preferred_username: id,
    }),
  }),
});
console.log(issuer);
