/** Beside the picture: the classes, what came with the task, the boxes and their numbers. */

import { colourOf } from "../annotation/box_layer.js";
import { counted, fill, h, icon } from "../dom.js";
import { noteOf } from "./notes.js";

const SIDES = /** @type {const} */ (["left", "top", "width", "height"]);

/** The panel of one task at a time. */
export class Panel {
  /** @param {HTMLElement} root @param {import("./desk.js").Desk} desk @param {() => void} guide shows what to mark */
  constructor(root, desk, guide) {
    this.desk = desk;
    this.guide = guide;
    this.classes = h("div", { class: "classes" });
    this.notes = h("div", { class: "notes" });
    this.heading = h("h2", {}, "Boxes");
    this.list = h("ul", { class: "list" });
    this.numbers = this.numberFields();
    fill(
      root,
      this.classes,
      this.notes,
      h("section", { class: "box-list" }, this.heading, this.list, this.numbers),
    );
  }

  /** @param {import("./tasks.js").Task} task @param {import("../annotation/annotation.js").Annotation} annotation @param {AbortSignal} signal */
  show(task, annotation, signal) {
    this.task = task;
    this.annotation = annotation;
    let asked = 0;
    const later = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => this.render());
    };
    annotation.addEventListener("change", later, { signal });
    this.render();
    fill(this.notes, noteOf(task, annotation, this.desk, signal));
  }

  /** Put the keyboard into the first number of the selected box. */
  focusNumbers() {
    this.render();
    if (!this.numbers.hidden) this.field("left").focus();
  }

  /** @param {boolean} [typed] whether the number that is being typed may be put right */
  render(typed = false) {
    const { annotation } = this;
    if (!annotation) return;
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset.focus : undefined;
    fill(this.classes, this.classButtons(annotation));
    const { marks } = annotation;
    this.heading.textContent = marks.length ? counted(marks.length, "box", "boxes") : "No boxes";
    fill(
      this.list,
      marks.map((mark, index) => this.entry(mark, index, annotation)),
    );
    this.renderNumbers(annotation, typed);
    if (focused)
      /** @type {HTMLElement | null} */ (
        document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)
      )?.focus({ preventScroll: true });
  }

  /** @private @param {import("../annotation/annotation.js").Annotation} annotation */
  classButtons(annotation) {
    return [
      h(
        "div",
        { class: "row" },
        h("h2", {}, annotation.readOnly || !annotation.selected ? "Classes" : "Class of the box"),
        h(
          "button",
          { type: "button", class: "button bare", onclick: this.guide, data: { focus: "guide" } },
          icon("book"),
          "What to mark",
        ),
      ),
      h(
        "div",
        { class: "chips", role: "group", "aria-label": "Class" },
        annotation.classes.map((name, index) =>
          h(
            "button",
            {
              type: "button",
              class: `button chip ${colourOf(name, annotation.classes)}`,
              "aria-pressed": String(!annotation.readOnly && annotation.label === name),
              disabled: annotation.readOnly,
              data: { focus: `class ${name}` },
              onclick: () => this.desk.label(index),
            },
            h("span", { class: "dot" }),
            name,
            index < 9 && h("kbd", { "aria-hidden": "true" }, index + 1),
          ),
        ),
      ),
    ];
  }

  /** @private @param {import("../annotation/annotation.js").Mark} mark @param {number} index @param {import("../annotation/annotation.js").Annotation} annotation */
  entry(mark, index, annotation) {
    const chosen = mark.id === annotation.selectedId;
    const name = `${mark.label} ${index + 1}`;
    const select = () => {
      annotation.select(mark.id);
      this.desk.viewer.reveal(mark);
    };
    return h(
      "li",
      {
        class: `${colourOf(mark.label, annotation.classes)} ${chosen ? "chosen" : ""} ${mark.open ? "suggested" : ""}`,
      },
      h(
        "button",
        {
          type: "button",
          class: "pick",
          "aria-pressed": String(chosen),
          onclick: select,
          data: { focus: `pick ${mark.id}` },
        },
        h("span", { class: "dot" }),
        h("span", {}, mark.label),
        h("span", { class: "quiet small number" }, `${Math.round(mark.width)} × ${Math.round(mark.height)}`),
        mark.open &&
          h("span", { class: "tag" }, icon("spark"), `${Math.round((mark.suggestion?.score ?? 0) * 100)} %`),
      ),
      mark.open &&
        h(
          "button",
          {
            type: "button",
            class: "button bare square",
            "aria-label": `Accept ${name}`,
            onclick: () => annotation.accept([mark.id]),
            data: { focus: `accept ${mark.id}` },
          },
          icon("check"),
        ),
      !annotation.readOnly &&
        h(
          "button",
          {
            type: "button",
            class: "button bare square",
            "aria-label": `Delete ${name}`,
            onclick: () => annotation.remove(mark.id),
            data: { focus: `remove ${mark.id}` },
          },
          icon("trash"),
        ),
    );
  }

  /** @private */
  numberFields() {
    return h(
      "fieldset",
      { class: "numbers", hidden: true },
      h("legend", { class: "small quiet" }, "Pixels"),
      SIDES.map((side) =>
        h(
          "label",
          { class: "small" },
          side[0].toUpperCase() + side.slice(1),
          h("input", {
            type: "number",
            name: side,
            min: side.length > 4 ? 1 : 0,
            step: "any",
            inputmode: "decimal",
            onchange: () => this.typed(),
            onfocus: (/** @type {any} */ { target }) => target.select(),
          }),
        ),
      ),
    );
  }

  /** @private */
  typed() {
    const selected = this.annotation?.selected;
    if (!selected) return;
    const [left, top, width, height] = SIDES.map((side) => this.field(side).valueAsNumber);
    if ([left, top, width, height].every(Number.isFinite))
      this.annotation?.reshape(
        selected.id,
        from({ left, top, width, height }, this.annotation.size),
        "typed",
      );
    this.render(true);
  }

  /** @private @param {string} side @returns {HTMLInputElement} */
  field(side) {
    return this.numbers.querySelector(`[name=${side}]`);
  }

  /** @private @param {import("../annotation/annotation.js").Annotation} annotation @param {boolean} typed */
  renderNumbers(annotation, typed) {
    const { selected, readOnly } = annotation;
    this.numbers.hidden = !selected;
    if (!selected) return;
    for (const side of SIDES) {
      const field = this.field(side);
      field.disabled = readOnly;
      const typing = field === document.activeElement && !typed;
      if (!typing && field.valueAsNumber !== selected[side]) field.value = String(selected[side]);
    }
  }
}

/** A rectangle that begins where it says, and ends inside the picture. @param {import("../annotation/boxes.js").Rect} rect
 *  @param {import("../annotation/boxes.js").Size} size @returns {import("../annotation/boxes.js").Rect} */
function from({ left, top, width, height }, size) {
  const begin = {
    left: Math.min(Math.max(left, 0), size.width - 1),
    top: Math.min(Math.max(top, 0), size.height - 1),
  };
  return {
    ...begin,
    width: Math.min(width, size.width - begin.left),
    height: Math.min(height, size.height - begin.top),
  };
}
