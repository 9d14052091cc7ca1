/** Beside the picture: the classes, what came with the task, the boxes and their numbers. */

import { colourOf } from "../annotation/box_layer.js";
import { counted, fill, h, icon } from "../dom.js";
import { noteOf } from "./notes.js";
import { Numbers } from "./numbers.js";

/** The panel of one task at a time. */
export class Panel {
  /** @param {HTMLElement} root @param {import("./desk.js").Desk} desk @param {() => void} guide shows what to mark */
  constructor(root, desk, guide) {
    this.desk = desk;
    this.guide = guide;
    this.classesTitle = h("h2", {});
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Class" });
    this.classes = h("div", { class: "classes" }, this.classesRow(), this.chips);
    this.notes = h("div", { class: "notes" });
    this.heading = h("h2", {}, "Boxes");
    this.list = h("ul", { class: "list" });
    this.numbers = new Numbers(desk, () => this.render());
    /** @type {WeakMap<import("../annotation/annotation.js").Mark, {state: string, entry: HTMLElement}>} */
    this.built = new WeakMap();
    /** @type {number | null} what the list has been scrolled to */
    this.revealed = null;
    fill(
      root,
      this.classes,
      this.notes,
      h("section", { class: "box-list" }, this.heading, this.list, this.numbers.root),
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
    fill(this.chips, annotation.classes.map((name, index) => this.chip(name, index, annotation.classes)));
    this.render();
    fill(this.notes, noteOf(task, annotation, this.desk, signal));
  }

  /** Put the keyboard into the first number of the selected box. */
  focusNumbers() {
    this.render();
    this.numbers.focus();
  }

  render() {
    const { annotation } = this;
    if (!annotation) return;
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset.focus : undefined;
    this.renderClasses(annotation);
    const { marks } = annotation;
    this.heading.textContent = marks.length ? counted(marks.length, "box", "boxes") : "No boxes";
    this.renderList(annotation);
    this.numbers.render(annotation);
    this.revealSelected(annotation);
    if (!focused || document.activeElement !== document.body) return;
    // What was deleted cannot take the focus back: the picture does.
    const again = /** @type {HTMLElement | null} */ (
      document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)
    );
    (again ?? this.desk.stage).focus({ preventScroll: true });
  }

  /** @private */
  classesRow() {
    return h(
      "div",
      { class: "row" },
      this.classesTitle,
      h("button", { type: "button", class: "button bare", onclick: this.guide }, icon("book"), "What to mark"),
    );
  }

  /** @private @param {string} name @param {number} index @param {string[]} classes */
  chip(name, index, classes) {
    return h(
      "button",
      {
        type: "button",
        class: `button chip ${colourOf(name, classes)}`,
        title: name,
        onclick: () => this.desk.label(index),
      },
      h("span", { class: "dot" }),
      h("span", { class: "name" }, name),
      index < 9 && h("kbd", { "aria-hidden": "true" }, index + 1),
    );
  }

  /** @private @param {import("../annotation/annotation.js").Annotation} annotation */
  renderClasses({ classes, label, readOnly, selected }) {
    this.classesTitle.textContent = readOnly || !selected ? "Classes" : "Class of the box";
    classes.forEach((name, index) => {
      const chip = this.chips.children[index];
      chip.disabled = readOnly;
      const pressed = String(!readOnly && label === name);
      if (chip.getAttribute("aria-pressed") === pressed) return;
      chip.setAttribute("aria-pressed", pressed);
      if (pressed === "true") bringIn(this.chips, chip);
    });
  }

  /** Build anew only what is not as it was: of hundreds of boxes one moves. @private
   *  @param {import("../annotation/annotation.js").Annotation} annotation */
  renderList(annotation) {
    const { selectedId, readOnly } = annotation;
    const entries = annotation.marks.map((mark, index) => {
      const built = this.built.get(mark);
      const state = `${index} ${mark.id === selectedId} ${readOnly}`;
      if (built?.state === state) return built.entry;
      const entry = this.entry(mark, index, annotation);
      this.built.set(mark, { state, entry });
      return entry;
    });
    entries.forEach((entry, index) => {
      const there = this.list.children[index];
      if (!there) this.list.append(entry);
      else if (there !== entry) there.replaceWith(entry);
    });
    while (this.list.children.length > entries.length) this.list.lastElementChild.remove();
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
        mark.open && h("span", { class: "unseen" }, "suggested by a model"),
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

  /** Scroll the list to what has been selected, once. @private @param {import("../annotation/annotation.js").Annotation} annotation */
  revealSelected({ selectedId }) {
    if (this.revealed === selectedId) return;
    this.revealed = selectedId;
    const chosen = this.list.querySelector(".chosen");
    if (chosen) bringIn(this.list, chosen);
  }
}

/** Scroll an element into the view of its list, and nothing around that. @param {HTMLElement} list @param {HTMLElement} element */
function bringIn(list, element) {
  const [outer, inner] = [list.getBoundingClientRect(), element.getBoundingClientRect()];
  list.scrollLeft += past(inner.left, inner.right, outer.left, outer.right);
  list.scrollTop += past(inner.top, inner.bottom, outer.top, outer.bottom);
}

/** How far it has to go to be inside. @param {number} from @param {number} to @param {number} low @param {number} high */
function past(from, to, low, high) {
  return from < low ? from - low : Math.max(0, to - high);
}
