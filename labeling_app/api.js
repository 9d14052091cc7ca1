/**
 * The labeling API: JSON in and out, the person's token, patience with a bad connection, one kind of error.
 *
 * Every request may be sent again without harm: reading is, drafts carry a sequence, answers an id of their own.
 */

import { SignedOut } from "./session.js";

const TIMEOUT_MS = 20_000;
const WAITS_MS = [400, 1200, 3000];
const PASSING = new Set([429, 500, 502, 503, 504]);

/** What the person is told; `status` is the HTTP status, 0 where nothing answered. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }

  /** Whether the same request may succeed later, unchanged. */
  get passing() {
    return this.status === 0 || this.status === 401 || PASSING.has(this.status);
  }
}

/** Tells "connection" (CustomEvent, detail: boolean) whenever the API is lost or found again. */
export class Api extends EventTarget {
  /** @param {import("./session.js").Session} session @param {string} [base] */
  constructor(session, base = "/api") {
    super();
    this.session = session;
    this.base = base;
    this.reachable = true;
    /** Milliseconds by which this machine's clock is ahead of the API's. */
    this.ahead = 0;
  }

  /** The time by the API's clock, which leases are told in. */
  now() {
    return Date.now() - this.ahead;
  }

  /** @param {string} path @param {Record<string, string>} [query] @param {AbortSignal} [signal] */
  get(path, query, signal) {
    const asked = query ? `${path}?${new URLSearchParams(query)}` : path;
    return this.send("GET", asked, undefined, { signal });
  }

  /** @param {string} path @param {object} body @param {Options} [options] */
  post(path, body, options) {
    return this.send("POST", path, body, options);
  }

  /** @param {string} path @param {object} body @param {Options} [options] */
  put(path, body, options) {
    return this.send("PUT", path, body, options);
  }

  /**
   * @typedef {{signal?: AbortSignal, patience?: number, keepalive?: boolean}} Options
   *   patience: how often to try again; keepalive: let it outlive the page
   * @param {string} method @param {string} path @param {object | undefined} body @param {Options} [options]
   * @returns {Promise<any>} the answer's JSON; ApiError or SignedOut where there is none
   */
  async send(method, path, body, { signal, patience = WAITS_MS.length, keepalive = false } = {}) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.once(method, path, body, signal, keepalive);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status === 401 || !error.passing || attempt >= patience)
          throw error;
        await pause(WAITS_MS[attempt] ?? 3000, signal);
      }
    }
  }

  /** @private @param {string} method @param {string} path @param {object | undefined} body
   *  @param {AbortSignal | undefined} signal @param {boolean} keepalive */
  async once(method, path, body, signal, keepalive) {
    let response = await this.fetch(method, path, body, signal, keepalive);
    if (response.status === 401) {
      // The clock of this machine may be wrong about the token's age.
      await this.session.refresh().catch(() => undefined);
      response = await this.fetch(method, path, body, signal, keepalive);
      if (response.status === 401) this.session.end();
    }
    const told = Date.parse(response.headers.get("Date") ?? "");
    if (told) this.ahead = Date.now() - told;
    this.heard(!PASSING.has(response.status) || response.status === 429);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(messageOf(answer, response.status), response.status);
    return answer;
  }

  /** @private @param {string} method @param {string} path @param {object | undefined} body
   *  @param {AbortSignal | undefined} signal @param {boolean} keepalive */
  async fetch(method, path, body, signal, keepalive) {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const token = await this.session.token();
      return await fetch(this.base + path, {
        method,
        keepalive,
        cache: "no-store",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) },
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (signal?.aborted || error instanceof SignedOut) throw error;
      this.heard(false);
      throw new ApiError("No connection. What you do is kept here and sent when it is back.", 0);
    }
  }

  /** @private @param {boolean} reachable */
  heard(reachable) {
    if (this.reachable === reachable) return;
    this.reachable = reachable;
    this.dispatchEvent(new CustomEvent("connection", { detail: reachable }));
  }
}

/** @param {any} answer @param {number} status */
function messageOf(answer, status) {
  if (status === 401) return "You are signed out. Sign in to go on; your work is kept.";
  const message = answer.message ?? answer.Message;
  if (typeof message !== "string" || !message) return `The service answered ${status}. Try again later.`;
  return message[0].toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
}

/** @param {number} ms @param {AbortSignal} [signal] */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
