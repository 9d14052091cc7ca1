/** What came with a task: why it was rejected, what the model suggests, what others drew. */

import { counted, fill, h, icon } from "../dom.js";

/**
 * The notes on a task; they stay true while it is drawn on.
 * @param {import("./tasks.js").Task} task @param {import("../annotation/annotation.js").Annotation} annotation
 * @param {import("./desk.js").Desk} desk @param {AbortSignal} signal @returns {HTMLElement[]}
 */
export function noteOf(task, annotation, desk, signal) {
  const notes = [];
  if (task.kind === "verify") notes.push(checkNote(task));
  if (task.rejected) notes.push(rejectedNote(task.rejected, annotation, desk));
  if (task.candidates) notes.push(candidatesNote(task.candidates, annotation, desk));
  if (annotation.suggestions.length) notes.push(suggestionsNote(annotation, desk, signal));
  return notes;
}

/** @param {import("./tasks.js").Task} task */
function checkNote(task) {
  const count = task.boxes?.length ?? 0;
  return h(
    "section",
    { class: "note" },
    h("h2", {}, "Check what somebody drew"),
    h(
      "p",
      {},
      count
        ? `${counted(count, "box", "boxes")}: is each one right, and none missing?`
        : "They say: nothing here. Is that so?",
    ),
  );
}

/** @param {NonNullable<import("./tasks.js").Task["rejected"]>} rejected @param {import("../annotation/annotation.js").Annotation} annotation
 *  @param {import("./desk.js").Desk} desk */
function rejectedNote(rejected, annotation, desk) {
  desk.layer.ghosts = rejected.boxes;
  desk.layer.redraw();
  return h(
    "section",
    { class: "note bad" },
    h("h2", {}, icon("warn"), "This picture came back"),
    h("p", {}, h("strong", {}, "Why: "), rejected.reason),
    h(
      "p",
      { class: "small" },
      rejected.boxes.length
        ? "What was drawn before is shown in grey."
        : "Before, somebody said: nothing here.",
    ),
    rejected.boxes.length > 0 &&
      h(
        "button",
        { type: "button", class: "button", onclick: () => annotation.replaceAll(rejected.boxes) },
        "Start from those boxes",
      ),
  );
}

/** @param {NonNullable<import("./tasks.js").Task["candidates"]>} candidates @param {import("../annotation/annotation.js").Annotation} annotation
 *  @param {import("./desk.js").Desk} desk */
function candidatesNote(candidates, annotation, desk) {
  const choose = (/** @type {number} */ index) => {
    desk.layer.ghosts = candidates.filter((_, other) => other !== index).flatMap(({ boxes }) => boxes);
    annotation.replaceAll(candidates[index]?.boxes ?? []);
  };
  desk.layer.ghosts = candidates.flatMap(({ boxes }) => boxes);
  desk.layer.redraw();
  return h(
    "section",
    { class: "note" },
    h("h2", {}, "Have the last word"),
    h("p", { class: "small" }, "They did not agree. Choose one, then mend it as you like, or draw anew."),
    h(
      "fieldset",
      { "aria-label": "Candidates" },
      [...candidates, null].map((candidate, index) =>
        h(
          "label",
          { class: "choice" },
          h("input", { type: "radio", name: "candidate", value: index, onchange: () => choose(index) }),
          h(
            "span",
            {},
            candidate ? h("strong", {}, candidate.by) : "Draw anew",
            candidate &&
              ` · ${candidate.boxes.length ? counted(candidate.boxes.length, "box", "boxes") : "nothing here"}`,
          ),
        ),
      ),
    ),
  );
}

/** Choose the next candidate by key. @param {ParentNode} root */
export function nextCandidate(root) {
  const choices = [
    .../** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll("[name=candidate]")),
  ];
  if (!choices.length) return;
  const next = choices[(choices.findIndex(({ checked }) => checked) + 1) % choices.length];
  next.checked = true;
  next.dispatchEvent(new Event("change"));
}

/** @param {import("../annotation/annotation.js").Annotation} annotation @param {import("./desk.js").Desk} desk @param {AbortSignal} signal */
function suggestionsNote(annotation, desk, signal) {
  const note = h("section", { class: "note spark" });
  const render = () => {
    const { length } = annotation.open;
    fill(
      note,
      h(
        "h2",
        {},
        icon("spark"),
        length ? `${counted(length, "suggestion")} of a model` : "Suggestions: all answered",
      ),
      length > 0 &&
        h(
          "p",
          { class: "small" },
          "Made by a model, not by a person. Accept what is right, move or delete what is not.",
        ),
      length > 0 &&
        h(
          "button",
          { type: "button", class: "button", onclick: () => desk.acceptAll() },
          icon("check"),
          `Accept all`,
          h("kbd", { "aria-hidden": "true" }, "Shift A"),
        ),
    );
  };
  annotation.addEventListener("edit", render, { signal });
  render();
  return note;
}
