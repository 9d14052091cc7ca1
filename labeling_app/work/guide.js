/** What to mark, and which keys there are, in dialogs. */

import { COMMANDS, singleKeys } from "../annotation/keyboard.js";
import { ask } from "../dialogs.js";
import { h, icon } from "../dom.js";

/** The instructions for a task's classes, with pictures of what is right and what is not.
 * @param {import("./tasks.js").Task | null} task @param {import("../main.js").Model[]} models */
export function showGuide(task, models) {
  if (!task) return null;
  const { model } = task;
  const known = models.find((one) => one.model === model)?.classes ?? [];
  const classes = task.classes.map((name) => known.find((one) => one.name === name) ?? { name });
  return ask(
    (close) =>
      h(
        "div",
        { class: "inside" },
        h("h2", {}, `What to mark: ${model}`),
        classes.map(({ name, instructions, good = [], bad = [] }) =>
          h(
            "section",
            { class: "guide" },
            h("h3", {}, name),
            h("p", { class: "prose" }, instructions || "No instructions have been written for this class."),
            good.length > 0 && examples("Mark this", "good", good, name),
            bad.length > 0 && examples("Not this", "bad", bad, name),
          ),
        ),
        h(
          "footer",
          {},
          h(
            "button",
            { type: "button", class: "button main-one", autofocus: true, onclick: () => close(null) },
            "Close",
          ),
        ),
      ),
    { label: `What to mark: ${model}`, wide: true },
  );
}

/** @param {string} title @param {string} look @param {string[]} urls @param {string} name */
function examples(title, look, urls, name) {
  return h(
    "figure",
    { class: `examples ${look}` },
    h("figcaption", { class: `tag ${look}` }, icon(look === "good" ? "check" : "cross"), title),
    h(
      "div",
      { class: "strip" },
      urls.map((url, index) =>
        h("img", { src: url, alt: `${title}: ${name}, example ${index + 1}`, loading: "lazy" }),
      ),
    ),
  );
}

/** All keys, and the switch that turns the single ones off. */
export function showKeys() {
  return ask(
    (close) =>
      h(
        "div",
        { class: "inside" },
        h("h2", {}, "Keys"),
        h(
          "p",
          { class: "quiet" },
          "All can be done with the keyboard alone. On a touch screen: one finger draws, two fingers zoom and move.",
        ),
        h(
          "div",
          { class: "keys" },
          Object.entries(COMMANDS).map(([heading, commands]) =>
            h(
              "section",
              {},
              h("h3", {}, heading),
              h(
                "dl",
                {},
                Object.values(commands)
                  .filter(({ text }) => text)
                  .map(({ shown, text }) =>
                    h("div", {}, h("dt", {}, h("kbd", {}, shown)), h("dd", {}, text)),
                  ),
              ),
            ),
          ),
        ),
        h(
          "label",
          { class: "choice" },
          h("input", {
            type: "checkbox",
            checked: singleKeys.on,
            onchange: (/** @type {any} */ { target }) => (singleKeys.on = target.checked),
          }),
          "Single keys do something (turn off if you dictate)",
        ),
        h(
          "footer",
          {},
          h(
            "button",
            { type: "button", class: "button main-one", autofocus: true, onclick: () => close(null) },
            "Close",
          ),
        ),
      ),
    { label: "Keys", wide: true },
  );
}
