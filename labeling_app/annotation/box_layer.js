/** The boxes over the picture, as SVG in CSS pixels: lines stay as thin as they are however far one zooms. */

import { fill, s } from "../dom.js";
import { HANDLES, handlePoint } from "./boxes.js";

/** @typedef {import("./boxes.js").Box} Box */

const GRIP = 10;
const COLOURS = 8;

/** Draws an annotation whenever it or the view changes; `ghosts` are others' boxes, behind and not to be touched. */
export class BoxLayer {
  /** @param {HTMLElement} stage @param {import("./viewer.js").Viewer} viewer @param {AbortSignal} signal */
  constructor(stage, viewer, signal) {
    this.viewer = viewer;
    this.svg = s("svg", { class: "boxes", "aria-hidden": "true" });
    stage.append(this.svg);
    /** @type {import("./annotation.js").Annotation | null} */
    this.annotation = null;
    /** @type {Box[]} */
    this.ghosts = [];
    /** @type {import("./boxes.js").Rect | null} what is being drawn */
    this.sketch = null;
    this.asked = 0;
    viewer.addEventListener("view", () => this.draw(), { signal });
    signal.addEventListener("abort", () => cancelAnimationFrame(this.asked));
  }

  /** @param {import("./annotation.js").Annotation} annotation @param {AbortSignal} signal */
  show(annotation, signal) {
    this.annotation = annotation;
    this.ghosts = [];
    this.sketch = null;
    annotation.addEventListener("change", () => this.redraw(), { signal });
    this.redraw();
  }

  /** Draw once before the next frame. */
  redraw() {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const { annotation } = this;
    if (!annotation || !this.viewer.ready) return fill(this.svg);
    const order = [...annotation.marks].sort(
      (a, b) => Number(a.id === annotation.selectedId) - Number(b.id === annotation.selectedId),
    );
    fill(
      this.svg,
      this.ghosts.map((box) => this.rect(box, "ghost")),
      order.map((mark) => this.mark(mark, annotation)),
      this.sketch && this.rect(this.sketch, `sketch ${colourOf(annotation.label, annotation.classes)}`),
    );
  }

  /** @private @param {import("./annotation.js").Mark} mark @param {import("./annotation.js").Annotation} annotation */
  mark(mark, annotation) {
    const chosen = mark.id === annotation.selectedId;
    const name = mark.open
      ? `✦ ${mark.label} ${Math.round((mark.suggestion?.score ?? 0) * 100)} %`
      : mark.label;
    const at = this.viewer.toStage(mark);
    const state = `${mark.open ? "suggested" : ""} ${chosen ? "chosen" : ""}`;
    return s(
      "g",
      { class: `mark ${colourOf(mark.label, annotation.classes)} ${state}`, data: { id: mark.id } },
      this.rect(mark, "under"),
      this.rect(mark, "line"),
      s("text", { x: at.left + 2, y: at.top > 22 ? at.top - 7 : at.top + 17 }, name),
      chosen && !annotation.readOnly && HANDLES.map((handle) => grip(handlePoint(at, handle))),
    );
  }

  /** @private @param {import("./boxes.js").Rect} box @param {string} className */
  rect(box, className) {
    const { left, top, width, height } = this.viewer.toStage(box);
    return s("rect", {
      class: className,
      x: left,
      y: top,
      width: Math.max(width, 0),
      height: Math.max(height, 0),
    });
  }
}

/** The class that gives a label its colour. @param {string} label @param {string[]} classes */
export function colourOf(label, classes) {
  return `colour-${Math.max(0, classes.indexOf(label)) % COLOURS}`;
}

/** @param {import("./boxes.js").Point} point */
function grip({ x, y }) {
  return s("rect", { class: "grip", x: x - GRIP / 2, y: y - GRIP / 2, width: GRIP, height: GRIP, rx: 2 });
}
