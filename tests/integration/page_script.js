// The smallest page that signs in: authorization code with PKCE, then the API, then a picture, each shown.
const show = (id, text) => { document.getElementById(id).textContent = text; };
const encoded = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const settings = await (await fetch("/settings.json")).json();
const home = `${location.origin}/`;
const code = new URLSearchParams(location.search).get("code");

async function leave() {
  const verifier = encoded(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.setItem("verifier", verifier);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    client_id: settings.client_id, redirect_uri: home, response_type: "code", scope: "openid",
    code_challenge: encoded(digest), code_challenge_method: "S256",
  });
  location.assign(`${settings.sign_in}/oauth2/authorize?${query}`);
}

async function arrive() {
  const body = new URLSearchParams({
    grant_type: "authorization_code", code, client_id: settings.client_id, redirect_uri: home,
    code_verifier: sessionStorage.getItem("verifier"),
  });
  const tokens = await (await fetch(`${settings.sign_in}/oauth2/token`, { method: "POST", body })).json();
  const headers = { authorization: `Bearer ${tokens.id_token}`, "content-type": "application/json" };
  const answer = await (await fetch("/api/echo", { method: "POST", headers, body: "{}" })).json();
  show("who", answer.claims["cognito:username"]);
  const bytes = await (await fetch(answer.picture)).arrayBuffer();
  show("size", String(bytes.byteLength));
  const image = document.querySelector("img");
  image.src = answer.picture;
  await image.decode();
  show("width", String(image.naturalWidth));
  await fetch("https://elsewhere.example/").catch(() => show("elsewhere", "refused"));
}

await (code ? arrive() : leave());
