/** Start: sign in, ask who this is, show the view that the address names. */

import { Api } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { Session, SignedOut, readSettings } from "./session.js";
import { Shell } from "./shell.js";
import { Outbox } from "./work/outbox.js";

/**
 * What a view gets: `root` to fill, `signal` that ends with the view, `rest` of the address after its name.
 * @typedef {object} Page
 * @property {HTMLElement} root
 * @property {string[]} rest
 * @property {Api} api
 * @property {{name: string, groups: string[], lease_seconds: number, models: Model[]}} me
 * @property {Shell} shell
 * @property {Outbox} outbox
 * @property {AbortSignal} signal
 * @typedef {{model: string, classes: {name: string, instructions?: string, good?: string[], bad?: string[]}[]}} Model
 * @typedef {{text: string, title?: string, group?: string, load: () => Promise<{show: (page: Page) => Promise<void>}>}} View
 */

/** @type {Record<string, View>} the first word of the address to its view; `text` names it in the header */
const VIEWS = {
  "": { text: "Rounds", load: () => import("./views/rounds.js") },
  work: { text: "", title: "Pictures", load: () => import("./views/work.js") },
  supervision: {
    text: "Supervision",
    group: "supervisors",
    load: () => import("./supervision/supervision.js"),
  },
  packages: { text: "Models", group: "approvers", load: () => import("./supervision/packages.js") },
};

async function start() {
  const session = new Session(await readSettings());
  document.title = session.settings.name;
  const shell = new Shell(session);
  shell.head(null, []);
  try {
    await session.arrive();
  } catch (error) {
    shell.fail(error);
  }
  if (!session.signedIn) return welcome(shell, session);
  const api = new Api(session);
  session.addEventListener("expired", () => expired(shell, session));
  api.addEventListener("connection", (event) => connection(shell, /** @type {CustomEvent} */ (event).detail));
  try {
    const me = await untilAnswered(shell, () => api.get("/me"));
    await route(shell, api, me);
  } catch (error) {
    if (!(error instanceof SignedOut)) throw error;
    shell.drop("session");
    welcome(shell, session);
  }
}

/** @param {Shell} shell @param {Session} session */
function welcome(shell, session) {
  fill(
    shell.main,
    h(
      "section",
      { class: "welcome" },
      markOf(),
      h("h1", {}, session.settings.name),
      h("p", { class: "quiet" }, "Mark what is in the pictures, and check what others marked."),
      h(
        "button",
        {
          type: "button",
          class: "button main-one",
          onclick: () => session.signIn().catch((error) => shell.fail(error)),
        },
        "Sign in",
      ),
    ),
  );
}

function markOf() {
  const mark = icon("mark");
  mark.classList.add("mark");
  return mark;
}

/** @param {Shell} shell @param {Session} session */
function expired(shell, session) {
  shell.notice(
    "session",
    "Your session has ended. What you have drawn is kept on this device: sign in to go on.",
    {
      kind: "warn",
      action: "Sign in",
      act: () => session.signIn().catch((error) => shell.fail(error)),
    },
  );
}

/** @param {Shell} shell @param {boolean} reachable */
function connection(shell, reachable) {
  if (reachable) {
    shell.drop("connection");
    shell.tell("The connection is back.");
  } else {
    shell.notice(
      "connection",
      "No connection. What you do is kept on this device and sent when it is back.",
      { kind: "warn" },
    );
  }
}

/** Ask until there is an answer: without it nothing can be shown. @param {Shell} shell @param {() => Promise<any>} request */
async function untilAnswered(shell, request) {
  for (;;) {
    try {
      const answer = await request();
      shell.drop("error");
      return answer;
    } catch (error) {
      if (!(/** @type {any} */ (error).passing)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  }
}

/** @param {Shell} shell @param {Api} api @param {Page["me"]} me */
async function route(shell, api, me) {
  const allowed = Object.entries(VIEWS).filter(([, { group }]) => !group || me.groups.includes(group));
  const places = allowed
    .filter(([, { text }]) => text)
    .map(([name, { text }]) => ({ href: `#/${name}`, text }));
  shell.head(me.name, places);
  const outbox = new Outbox(api, me.name);
  outbox.send();
  let leaving = new AbortController();
  const show = async (/** @type {Event | undefined} */ moved) => {
    leaving.abort(new DOMException("The view was left.", "AbortError"));
    leaving = new AbortController();
    const { signal } = leaving;
    const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    const view = Object.fromEntries(allowed)[name];
    shell.here(location.hash);
    shell.drop("error");
    document.title = [view?.title ?? view?.text, shell.session.settings.name].filter(Boolean).join(" · ");
    // What had the focus is gone with the view before.
    if (moved) shell.main.focus({ preventScroll: true });
    const root = h("div", { class: "view" });
    fill(shell.main, root);
    if (!view)
      return fill(
        root,
        h(
          "p",
          { class: "centered quiet" },
          "There is nothing here. ",
          h("a", { href: "#/" }, "To the rounds"),
        ),
      );
    try {
      const { show } = await view.load();
      if (!signal.aborted) await show({ root, rest, api, me, shell, outbox, signal });
    } catch (error) {
      if (!signal.aborted) shell.fail(error);
    }
  };
  addEventListener("hashchange", show);
  await show(undefined);
}

start().catch((error) => {
  console.error(error);
  fill(
    document.getElementById("main") ?? document.body,
    h("p", { class: "centered", role: "alert" }, error.message),
  );
});
