/**
 * Who is signed in: the authorization code flow with PKCE at the hosted sign-in page.
 *
 * Tokens are kept for this tab only (sessionStorage), and never leave for anywhere but the sign-in page and the API.
 */

const KEPT = "edgeline.session";
const PENDING = "edgeline.sign-in";
const EARLY_SECONDS = 60;

/** @typedef {{sign_in: string, client_id: string, region: string, name: string}} Settings */
/** @typedef {{id_token: string, refresh_token?: string}} Tokens */

/** Nobody is signed in, or no longer: the person has to go to the sign-in page. */
export class SignedOut extends Error {}

/** @returns {Promise<Settings>} what the deployment says of itself */
export async function readSettings() {
  const response = await fetch("/settings.json", { cache: "no-store" });
  if (!response.ok)
    throw new Error(`The page's settings cannot be read (${response.status}). Try again later.`);
  return response.json();
}

/** Tells "expired" (Event) when the session has ended and the person must sign in again. */
export class Session extends EventTarget {
  /** @param {Settings} settings */
  constructor(settings) {
    super();
    this.settings = settings;
    /** @type {Tokens | null} */
    this.tokens = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    /** @type {Promise<void> | null} */
    this.refreshing = null;
  }

  /** @returns {boolean} whether there is a token, fresh or not */
  get signedIn() {
    return this.tokens !== null;
  }

  /** Take the code that the sign-in page sent, if it did; the address is then as it was before signing in. */
  async arrive() {
    const answer = new URLSearchParams(location.search);
    if (!answer.has("state")) return;
    const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
    sessionStorage.removeItem(PENDING);
    const known = pending?.state === answer.get("state");
    history.replaceState(null, "", `/${known ? pending.hash : ""}`);
    if (answer.has("error"))
      throw new Error(answer.get("error_description") ?? "You could not be signed in.");
    // An address from elsewhere, or opened twice: the code is not ours.
    if (!known) return;
    this.keep(
      await this.exchange({
        grant_type: "authorization_code",
        code: answer.get("code") ?? "",
        code_verifier: pending.verifier,
        redirect_uri: home(),
      }),
    );
  }

  /** Leave for the sign-in page; what comes back leads to the same view. */
  async signIn() {
    const [state, verifier] = [random(), random()];
    sessionStorage.setItem(PENDING, JSON.stringify({ state, verifier, hash: location.hash }));
    const query = new URLSearchParams({
      response_type: "code",
      client_id: this.settings.client_id,
      redirect_uri: home(),
      scope: "openid",
      state,
      code_challenge_method: "S256",
      code_challenge: await challengeOf(verifier),
    });
    location.assign(`${this.settings.sign_in}/oauth2/authorize?${query}`);
  }

  /** Forget the tokens, here and at the sign-in page. */
  signOut() {
    this.forget();
    const query = new URLSearchParams({ client_id: this.settings.client_id, logout_uri: home() });
    location.assign(`${this.settings.sign_in}/logout?${query}`);
  }

  /** @returns {Promise<string>} an ID token that is good for a while; SignedOut where there is none to be had */
  async token() {
    if (this.tokens && secondsLeft(this.tokens.id_token) < EARLY_SECONDS) await this.refresh();
    if (!this.tokens) throw new SignedOut("You are signed out. Sign in to go on; your work is kept.");
    return this.tokens.id_token;
  }

  /** Get new tokens; one request, however many ask. */
  refresh() {
    this.refreshing ??= this.renew().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  /** @private */
  async renew() {
    const refresh_token = this.tokens?.refresh_token;
    try {
      if (!refresh_token) throw new SignedOut();
      this.keep(await this.exchange({ grant_type: "refresh_token", refresh_token }));
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      this.end();
    }
  }

  /** The session is over: say so to whoever listens. */
  end() {
    if (!this.tokens) return;
    this.forget();
    this.dispatchEvent(new Event("expired"));
  }

  /** @private @param {Record<string, string>} fields @returns {Promise<Tokens>} */
  async exchange(fields) {
    const response = await fetch(`${this.settings.sign_in}/oauth2/token`, {
      method: "POST",
      body: new URLSearchParams({ client_id: this.settings.client_id, ...fields }),
    });
    if (response.status >= 500) throw new TypeError("The sign-in page does not answer. Try again later.");
    if (!response.ok) throw new SignedOut("You could not be signed in. Try again.");
    return response.json();
  }

  /** @private @param {Tokens} tokens a refresh keeps the refresh token that it was asked with */
  keep(tokens) {
    this.tokens = {
      id_token: tokens.id_token,
      refresh_token: tokens.refresh_token ?? this.tokens?.refresh_token,
    };
    sessionStorage.setItem(KEPT, JSON.stringify(this.tokens));
  }

  /** @private */
  forget() {
    this.tokens = null;
    sessionStorage.removeItem(KEPT);
  }
}

function home() {
  return `${location.origin}/`;
}

/** @param {string} token */
function secondsLeft(token) {
  const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  return claims.exp - Date.now() / 1000;
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {string} verifier */
async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
