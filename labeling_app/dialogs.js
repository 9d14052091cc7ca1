/** Questions in a dialog: why something is skipped, whether it is meant, what the keys are. */

import { h } from "./dom.js";

/**
 * Show a dialog and wait for it; the element that had the focus gets it back.
 * @template T
 * @param {(close: (answer: T | null) => void) => HTMLElement} content a form or a div of class "inside"
 * @param {{label: string, wide?: boolean}} options
 * @returns {Promise<T | null>} what it was closed with; null where the person turned away
 */
export function ask(content, { label, wide = false }) {
  const before = document.activeElement;
  return new Promise((resolve) => {
    /** @type {T | null} */
    let answer = null;
    const close = (/** @type {T | null} */ given) => {
      answer = given;
      dialog.close();
    };
    const dialog = h("dialog", { "aria-label": label, class: wide && "wide" }, content(close));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * One of some reasons, or another in the person's own words.
 * @param {{title: string, explain: string, reasons: string[], action: string, bad?: boolean}} question
 * @returns {Promise<string | null>} at most 500 characters
 */
export function askReason({ title, explain, reasons, action, bad = false }) {
  return ask(
    (/** @type {(reason: string | null) => void} */ close) => {
      const words = h("textarea", {
        name: "words",
        maxlength: 500,
        rows: 3,
        "aria-label": "In your own words",
      });
      const other = h("input", { type: "radio", name: "reason", value: "" });
      words.addEventListener("input", () => (other.checked = words.value.trim() !== "" || other.checked));
      const problem = h("p", { role: "alert", class: "tag bad", hidden: true }, "Say why, in a word or two.");
      const submit = (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        const chosen = form.querySelector("input[name=reason]:checked")?.value || words.value.trim();
        problem.hidden = chosen !== "";
        if (chosen) close(chosen);
        else words.focus();
      };
      const form = h(
        "form",
        { method: "dialog", onsubmit: submit },
        h("h2", {}, title),
        h("p", { class: "quiet" }, explain),
        h(
          "fieldset",
          { "aria-label": "Reason" },
          reasons.map((reason, index) =>
            h(
              "label",
              { class: "choice" },
              h("input", { type: "radio", name: "reason", value: reason, autofocus: index === 0 }),
              reason,
            ),
          ),
          h("label", { class: "choice" }, other, "Something else"),
          words,
        ),
        problem,
        h(
          "footer",
          {},
          h("button", { type: "button", class: "button", onclick: () => close(null) }, "Cancel"),
          h("button", { type: "submit", class: `button main-one ${bad ? "bad" : ""}` }, action),
        ),
      );
      return form;
    },
    { label: title },
  );
}

/**
 * A question with yes and no.
 * @param {{title: string, explain: string, action: string, bad?: boolean}} question
 * @returns {Promise<boolean>}
 */
export async function confirm({ title, explain, action, bad = false }) {
  const yes = await ask(
    (/** @type {(yes: boolean | null) => void} */ close) =>
      h(
        "div",
        { class: "inside" },
        h("h2", {}, title),
        h("p", { class: "quiet" }, explain),
        h(
          "footer",
          {},
          h("button", { type: "button", class: "button", onclick: () => close(null) }, "Cancel"),
          h(
            "button",
            {
              type: "button",
              class: `button main-one ${bad ? "bad" : ""}`,
              autofocus: true,
              onclick: () => close(true),
            },
            action,
          ),
        ),
      ),
    { label: title },
  );
  return yes === true;
}
