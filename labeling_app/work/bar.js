/** The answers that can be given to a task, as buttons. */

import { fill, h, icon } from "../dom.js";

/** @typedef {"label" | "verify" | "mend" | "settle" | "lost" | "broken" | "busy"} Mode */
/** @typedef {{command: string, text: string, icon: string, key?: string, look?: string, apart?: boolean, short?: string}} Choice */

/** @type {Record<string, Choice>} */
const CHOICES = {
  skip: { command: "skip", text: "Skip", icon: "skip", key: "S", look: "bare" },
  unusable: { command: "unusable", text: "Unusable", icon: "flag", key: "X", look: "bare" },
  nothing: { command: "nothing", text: "Nothing here", icon: "empty", key: "E", apart: true },
  done: { command: "done", text: "Done", icon: "check", key: "Enter", look: "main-one" },
  reject: { command: "reject", text: "Reject", icon: "cross", key: "R", look: "bad", apart: true },
  mend: { command: "mend", text: "Mend", icon: "box", key: "M" },
  approve: { command: "done", text: "Approve", icon: "check", key: "Enter", look: "main-one" },
  back: { command: "mend", text: "Back to the check", icon: "back", key: "M", look: "bare" },
  onward: { command: "onward", text: "Next picture", icon: "next", look: "main-one", apart: true },
  retry: { command: "retry", text: "Try again", icon: "redo", apart: true },
};

/** @type {Record<Mode, (keyof typeof CHOICES)[]>} */
const OFFERED = {
  label: ["skip", "unusable", "nothing", "done"],
  settle: ["skip", "unusable", "nothing", "done"],
  verify: ["skip", "reject", "mend", "approve"],
  mend: ["back", "nothing", "done"],
  lost: ["onward"],
  broken: ["skip", "retry"],
  busy: [],
};

/** Show the answers of a mode. @param {HTMLElement} root @param {Mode} mode @param {(command: string) => void} run */
export function showAnswers(root, mode, run) {
  const focused =
    document.activeElement instanceof HTMLElement &&
    root.contains(document.activeElement) &&
    document.activeElement.dataset.command;
  fill(
    root,
    OFFERED[mode].map((name) => {
      const { command, text, icon: picture, key, look = "", apart } = CHOICES[name];
      return h(
        "button",
        {
          type: "button",
          class: `button ${look} ${apart ? "apart" : ""}`,
          data: { command },
          // The second click of two is on the next picture, which nobody has looked at. Fingers do not click twice.
          onclick: (/** @type {PointerEvent} */ { detail, pointerType }) =>
            (detail < 2 || pointerType === "touch") && run(command),
        },
        icon(picture),
        h("span", {}, text),
        key && h("kbd", { "aria-hidden": "true" }, key === "Enter" ? "⏎" : key),
      );
    }),
  );
  if (focused) /** @type {HTMLElement | null} */ (root.querySelector(`[data-command="${focused}"]`))?.focus();
}

/** Whether an answer can be given in a mode. @param {Mode} mode @param {string} command */
export function offered(mode, command) {
  return OFFERED[mode].some((name) => CHOICES[name].command === command);
}
