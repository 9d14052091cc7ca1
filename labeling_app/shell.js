/** The frame around every view: who is signed in, where one can go, what is wrong, what screen readers are told. */

import { h, fill, icon } from "./dom.js";

/** @typedef {{kind?: "plain" | "warn" | "bad", action?: string, act?: () => void, closable?: boolean}} NoticeOptions */

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** The page's frame; `notices` are kept by name, so that one can be replaced or taken away. */
export class Shell {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.main = byId("main");
    /** @type {Map<string, HTMLElement>} */
    this.notices = new Map();
    byId("to-main").addEventListener("click", (event) => {
      event.preventDefault();
      this.main.focus();
    });
  }

  /** @param {string | null} who @param {{href: string, text: string}[]} places */
  head(who, places) {
    fill(
      byId("header"),
      h(
        "a",
        { class: "brand", href: "#/", "aria-label": `${this.session.settings.name}, start` },
        icon("mark"),
        h("span", {}, this.session.settings.name),
      ),
      h(
        "nav",
        { "aria-label": "Views" },
        places.map(({ href, text }) => h("a", { href }, text)),
      ),
      who && h("p", { class: "who" }, icon("person"), h("span", {}, who)),
      who &&
        h(
          "button",
          { type: "button", class: "button bare leave", onclick: () => this.session.signOut() },
          icon("leave"),
          h("span", {}, "Sign out"),
        ),
    );
  }

  /** Mark the place that is shown. @param {string} hash */
  here(hash) {
    for (const link of byId("header").querySelectorAll("nav a")) {
      const own = link.getAttribute("href") ?? "";
      const current =
        own === "#/"
          ? !hash.startsWith("#/supervision") && !hash.startsWith("#/packages")
          : hash.startsWith(own);
      if (current) {
        link.setAttribute("aria-current", "page");
        // On a narrow screen with large letters not all of them fit.
        link.scrollIntoView({ inline: "nearest", block: "nearest" });
      } else link.removeAttribute("aria-current");
    }
  }

  /** Say one thing until it is taken away. @param {string} name @param {string} text @param {NoticeOptions} [options] */
  notice(name, text, { kind = "plain", action, act, closable = false } = {}) {
    const drop = () => this.drop(name);
    const line = h(
      "div",
      { class: `notice ${kind}`, data: { name } },
      icon(kind === "plain" ? "flag" : name === "connection" ? "offline" : "warn"),
      h("p", {}, text),
      action && h("button", { type: "button", class: "button", onclick: act }, action),
      closable &&
        h(
          "button",
          { type: "button", class: "button bare square", "aria-label": "Close this message", onclick: drop },
          icon("cross"),
        ),
    );
    const old = this.notices.get(name);
    if (old) old.replaceWith(line);
    else byId("notices").append(line);
    this.notices.set(name, line);
    this.tell(text, kind !== "plain");
  }

  /** @param {string} name */
  drop(name) {
    this.notices.get(name)?.remove();
    this.notices.delete(name);
  }

  /** What went wrong, as one line that can be closed. @param {unknown} error */
  fail(error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    console.error(error);
    this.notice("error", error instanceof Error ? error.message : String(error), {
      kind: "bad",
      closable: true,
    });
  }

  /** Tell screen readers. @param {string} text @param {boolean} [urgent] */
  tell(text, urgent = false) {
    const region = byId(urgent ? "urgent" : "polite");
    // The same words twice are read twice only if they differ.
    region.textContent = region.textContent === text ? `${text}\u00a0` : text;
  }
}
