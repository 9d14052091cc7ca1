/** Mouse, pen and finger on the picture: draw, select, move, stretch; two fingers zoom, which OpenSeadragon does. */

import { HANDLES, contains, framed, handlePoint, moved, spanned, stretched } from "./boxes.js";

/** @typedef {import("./boxes.js").Point} Point */
/** @typedef {{kind: "draw" | "move" | "stretch" | "pan", from: Point, id?: number, handle?: import("./boxes.js").Handle, rect?: import("./boxes.js").Rect, name: string, far: boolean}} Gesture */

/** @type {Record<string, number>} CSS pixels around a handle that count */
const REACH = { mouse: 9, pen: 12, touch: 22 };
/** The handles of a small box stand apart by so many reaches: between them is where it is moved. */
const APART = 3;
/** @type {Record<string, number>} CSS pixels that a pointer may shake without that meaning anything */
const STILL = { mouse: 3, pen: 5, touch: 8 };
/** Of `buttons`: the middle one alone, which moves the picture. */
const MIDDLE = 4;
let gestures = 0;

/** The handles around a box as this kind of pointer finds them. @param {import("./boxes.js").Rect} rect on the stage @param {string} type */
export function frameOf(rect, type) {
  return framed(rect, APART * (REACH[type] ?? REACH.mouse));
}

/** Those of a frame that there is room for: a small one has its corners only, so that the box can be seen.
 * @param {import("./boxes.js").Rect} frame @param {string} type */
export function handlesOf({ width, height }, type) {
  const room = 4 * (REACH[type] ?? REACH.mouse);
  return HANDLES.filter((handle) => handle.length > 1 || ("ns".includes(handle) ? width : height) >= room);
}

/** The pointers of one stage; with `panning` on, what would draw moves the picture. */
export class PointerTool {
  /** @param {import("./viewer.js").Viewer} viewer @param {import("./box_layer.js").BoxLayer} layer */
  constructor(viewer, layer) {
    this.viewer = viewer;
    this.layer = layer;
    this.panning = false;
    /** @type {Gesture | null} */
    this.gesture = null;
    const { osd } = viewer;
    osd.addHandler("canvas-press", (/** @type {any} */ event) => this.press(event));
    osd.addHandler("canvas-drag", (/** @type {any} */ event) => this.drag(event));
    osd.addHandler("canvas-release", (/** @type {any} */ event) => this.release(event));
    osd.addHandler("canvas-pinch", () => this.cancel());
    viewer.frame.addEventListener("pointercancel", () => this.cancel());
    // Some systems scroll by themselves while the middle button is down.
    viewer.frame.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
      if (event.button === 1) event.preventDefault();
    });
    viewer.frame.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.hover(event));
  }

  /** Give up what is being drawn. @returns {boolean} whether there was something */
  cancel() {
    const { gesture } = this;
    const drawing = gesture !== null && gesture.kind !== "pan";
    // A box that was on its way goes back to where it was.
    if (gesture?.rect && gesture.id !== undefined && gesture.far) this.annotation?.undo();
    this.gesture = drawing ? { kind: "pan", from: { x: 0, y: 0 }, name: "", far: true } : null;
    this.layer.sketch = null;
    this.layer.redraw();
    return drawing;
  }

  /** @private */
  get annotation() {
    return this.layer.annotation;
  }

  /** What a pointer at this place would take hold of. @private @param {Point} at CSS pixels @param {string} type
   *  @returns {Pick<Gesture, "kind" | "id" | "handle" | "rect">} */
  under(at, type) {
    const { annotation } = this;
    if (!annotation || annotation.readOnly) return { kind: "pan" };
    const reach = REACH[type] ?? REACH.mouse;
    const { selected } = annotation;
    if (selected) {
      const rect = frameOf(this.viewer.toStage(selected), type);
      const near = handlesOf(rect, type)
        .map((handle) => ({ handle, far: distance(handlePoint(rect, handle), at) }))
        .filter(({ far }) => far <= reach)
        .sort((a, b) => a.far - b.far)[0];
      if (near) return { kind: "stretch", id: selected.id, handle: near.handle, rect: selected };
      if (!this.panning && contains(rect, at)) return { kind: "move", id: selected.id, rect: selected };
    }
    return { kind: this.panning ? "pan" : "draw" };
  }

  /** @private @param {any} event */
  press({ position, pointerType }) {
    if (!this.viewer.ready) return;
    this.layer.pointer = pointerType;
    const found = this.under(position, pointerType);
    this.gesture = { ...found, from: position, name: `drag${++gestures}`, far: false };
  }

  /** @private @param {any} event */
  drag(event) {
    const { gesture, annotation } = this;
    if (!gesture || !annotation || gesture.kind === "pan") return;
    event.preventDefaultAction = true;
    const still = STILL[event.pointerType] ?? STILL.mouse;
    if (!gesture.far && distance(event.position, gesture.from) < still) return;
    gesture.far = true;
    const [from, to] = [this.viewer.toPicture(gesture.from), this.viewer.toPicture(event.position)];
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    if (gesture.kind === "draw") this.layer.sketch = spanned(from, to, annotation.size);
    else if (gesture.rect && gesture.id !== undefined) {
      const next = gesture.handle
        ? stretched(gesture.rect, gesture.handle, dx, dy, annotation.size)
        : moved(gesture.rect, dx, dy, annotation.size);
      annotation.reshape(gesture.id, next, gesture.name);
    }
    this.layer.redraw();
  }

  /** @private @param {any} event */
  release(event) {
    const { gesture, annotation } = this;
    const { sketch } = this.layer;
    this.gesture = null;
    this.layer.sketch = null;
    if (!gesture || !annotation) return;
    if (gesture.far) {
      if (gesture.kind === "draw" && sketch) annotation.add(sketch);
    } else if (distance(event.position, gesture.from) < STILL.touch) {
      this.pick(this.viewer.toPicture(event.position), event.pointerType);
    }
    this.layer.redraw();
  }

  /** Select the smallest box under a click, or none. @private @param {Point} at @param {string} type */
  pick(at, type) {
    const slack = (REACH[type] ?? REACH.mouse) / 2 / this.viewer.scale;
    const hit = [...(this.annotation?.marks ?? [])]
      .filter((mark) => contains(mark, at, slack))
      .sort((a, b) => a.width * a.height - b.width * b.height)[0];
    this.annotation?.select(hit?.id ?? null);
  }

  /** @private @param {PointerEvent} event */
  hover(event) {
    if (event.pointerType !== "mouse" || !this.viewer.ready) return;
    if (event.buttons === MIDDLE) this.viewer.pan(-event.movementX, -event.movementY);
    if (event.buttons) return;
    const frame = this.viewer.frame.getBoundingClientRect();
    const { kind, handle } = this.under(
      { x: event.clientX - frame.left, y: event.clientY - frame.top },
      "mouse",
    );
    this.viewer.frame.dataset.cursor = handle ?? kind;
  }
}

/** @param {Point} a @param {Point} b */
function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
