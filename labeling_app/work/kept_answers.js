/** Answers that the API has not got, or has not taken: nothing that somebody did disappears silently. */

import { ask } from "../dialogs.js";
import { counted, h, icon, s } from "../dom.js";

/** @param {import("./outbox.js").Outbox} outbox @returns {HTMLElement[]} */
export function keptAnswers(outbox) {
  const notes = [];
  if (outbox.size)
    notes.push(
      h(
        "p",
        { class: "note warn" },
        icon("offline"),
        `${counted(outbox.size, "answer waits", "answers wait")} here to be sent.`,
      ),
    );
  for (const letter of outbox.refused) notes.push(refused(letter, outbox));
  return notes;
}

/** @param {import("./outbox.js").Letter} letter @param {import("./outbox.js").Outbox} outbox */
function refused(letter, outbox) {
  return h(
    "section",
    { class: "note bad" },
    h("h2", {}, icon("warn"), "An answer was not taken"),
    h("p", {}, letter.refused),
    h(
      "p",
      { class: "row" },
      h("button", { type: "button", class: "button", onclick: () => look(letter) }, "Look at it"),
      h(
        "button",
        { type: "button", class: "button bare", onclick: () => outbox.drop(letter.id) },
        "Forget it",
      ),
    ),
  );
}

/** @param {import("./outbox.js").Letter} letter */
function look({ task, body }) {
  const boxes = /** @type {import("../annotation/boxes.js").Box[]} */ (body.boxes ?? []);
  return ask(
    (close) =>
      h(
        "div",
        { class: "inside" },
        h("h2", {}, "What you answered"),
        h(
          "p",
          {},
          body.reason ??
            body.unusable ??
            body.verdict ??
            (boxes.length ? boxes.map(({ label }) => label).join(", ") : "Nothing here"),
        ),
        s(
          "svg",
          {
            class: "kept",
            viewBox: `0 0 ${task.width} ${task.height}`,
            role: "img",
            "aria-label": counted(boxes.length, "box", "boxes"),
          },
          s("image", { href: task.image_url, width: task.width, height: task.height }),
          boxes.map(({ left, top, width, height }) =>
            s("rect", { x: left, y: top, width, height, "vector-effect": "non-scaling-stroke" }),
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
    { label: "What you answered", wide: true },
  );
}
