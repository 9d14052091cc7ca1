/** The boxes over the picture, as SVG in CSS pixels: lines stay as thin as they are however far one zooms. */

import { fill, s } from "../dom.js";
import { handlePoint } from "./boxes.js";
import { placeNames } from "./names.js";
import { frameOf, handlesOf } from "./pointer.js";

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
    /** What touched the picture last: fingers need handles that stand further apart. */
    this.pointer = "mouse";
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
    const { clientWidth, clientHeight } = this.viewer.frame;
    const seen = order.map((mark) => {
      const [at, chosen] = [this.viewer.toStage(mark), mark.id === annotation.selectedId];
      return { at: chosen ? frameOf(at, this.pointer) : at, text: nameOf(mark), chosen };
    });
    const names = placeNames(seen, { width: clientWidth, height: clientHeight });
    fill(
      this.svg,
      this.ghosts.map((box) => this.rect(box, "ghost")),
      order.map((mark, index) => this.mark(mark, annotation, names[index])),
      this.sketch && this.rect(this.sketch, `sketch ${colourOf(annotation.label, annotation.classes)}`),
    );
  }

  /** @private @param {import("./annotation.js").Mark} mark @param {import("./annotation.js").Annotation} annotation
   *  @param {import("./names.js").Name | null} name */
  mark(mark, annotation, name) {
    const chosen = mark.id === annotation.selectedId;
    const frame = frameOf(this.viewer.toStage(mark), this.pointer);
    const state = `${mark.open ? "suggested" : ""} ${chosen ? "chosen" : ""}`;
    return s(
      "g",
      { class: `mark ${colourOf(mark.label, annotation.classes)} ${state}`, data: { id: mark.id } },
      this.rect(mark, "under"),
      this.rect(mark, "line"),
      name && s("text", { x: name.x, y: name.y }, name.text),
      chosen &&
        !annotation.readOnly &&
        handlesOf(frame, this.pointer).map((handle) => grip(handlePoint(frame, handle))),
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

/** @param {import("./annotation.js").Mark} mark */
function nameOf({ label, open, suggestion }) {
  return open ? `✦ ${Math.round((suggestion?.score ?? 0) * 100)} % ${label}` : label;
}

/** The class that gives a label its colour. @param {string} label @param {string[]} classes */
export function colourOf(label, classes) {
  return `colour-${Math.max(0, classes.indexOf(label)) % COLOURS}`;
}

/** @param {import("./boxes.js").Point} point */
function grip({ x, y }) {
  return s("rect", { class: "grip", x: x - GRIP / 2, y: y - GRIP / 2, width: GRIP, height: GRIP, rx: 2 });
}
