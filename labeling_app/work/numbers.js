/** The numbers of the selected box, to read and to type. */

import { h } from "../dom.js";

const SIDES = /** @type {const} */ (["left", "top", "width", "height"]);

/** Four fields; Enter and Escape lead back to the picture. */
export class Numbers {
  /** @param {import("./desk.js").Desk} desk @param {() => void} typed after a number has been taken */
  constructor(desk, typed) {
    this.desk = desk;
    this.typed = typed;
    /** @type {import("../annotation/annotation.js").Annotation | null} */
    this.annotation = null;
    this.root = this.fields();
  }

  /** Put the keyboard into the first one. */
  focus() {
    if (!this.root.hidden) this.field("left").focus();
  }

  /** @param {import("../annotation/annotation.js").Annotation} annotation
   *  @param {boolean} [typed] whether the number that is being typed may be put right */
  render(annotation, typed = false) {
    this.annotation = annotation;
    const { selected, readOnly } = annotation;
    this.root.hidden = !selected;
    if (!selected) return;
    for (const side of SIDES) {
      const field = this.field(side);
      field.disabled = readOnly;
      const typing = field === document.activeElement && !typed;
      if (!typing && field.valueAsNumber !== selected[side]) field.value = String(selected[side]);
    }
  }

  /** @private */
  fields() {
    return h(
      "fieldset",
      {
        class: "numbers",
        hidden: true,
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.leave(event),
      },
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
            onchange: () => this.take(),
            onfocus: (/** @type {any} */ { target }) => target.select(),
          }),
        ),
      ),
    );
  }

  /** @private @param {KeyboardEvent} event */
  leave(event) {
    if (!["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (event.target);
    const side = /** @type {typeof SIDES[number]} */ (field.name);
    if (event.key === "Escape") field.value = String(this.annotation?.selected?.[side] ?? "");
    this.desk.stage.focus({ preventScroll: true });
  }

  /** @private */
  take() {
    const { annotation } = this;
    const selected = annotation?.selected;
    if (!annotation || !selected) return;
    const [left, top, width, height] = SIDES.map((side) => this.field(side).valueAsNumber);
    if ([left, top, width, height].every(Number.isFinite))
      annotation.reshape(selected.id, from({ left, top, width, height }, annotation.size), "typed");
    this.render(annotation, true);
    this.typed();
  }

  /** @private @param {string} side @returns {HTMLInputElement} */
  field(side) {
    return this.root.querySelector(`[name=${side}]`);
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
