/** The drawing desk: the picture, the boxes on it, and what keys, buttons and pointers do to them. */

import { Annotation } from "../annotation/annotation.js";
import { BoxLayer } from "../annotation/box_layer.js";
import { moved, spoken } from "../annotation/boxes.js";
import { PointerTool } from "../annotation/pointer.js";
import { Viewer } from "../annotation/viewer.js";

const STEPS = [1, 5, 20, 100];
const PAN_PX = 80;
const ZOOM = 1.4;
/** A new box takes this share of what is seen of the picture. */
const NEW_SHARE = 0.25;

/** @type {Record<string, number[]>} */
const ARROWS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] };
/** @type {Record<string, number[]>} */
const STRETCHES = { narrower: [-1, 0], wider: [1, 0], lower: [0, -1], higher: [0, 1] };

/** Tells "tool" (Event) when drag draws instead of panning, or the other way round, or the view is another. */
export class Desk extends EventTarget {
  /** @param {HTMLElement} stage @param {(text: string) => void} tell to screen readers @param {AbortSignal} signal */
  constructor(stage, tell, signal) {
    super();
    this.stage = stage;
    this.tell = tell;
    this.viewer = new Viewer(stage);
    this.layer = new BoxLayer(stage, this.viewer, signal);
    this.pointer = new PointerTool(this.viewer, this.layer);
    this.annotation = new Annotation({ width: 1, height: 1 }, [""]);
    this.stepAt = 1;
    this.viewer.addEventListener("view", () => this.changed(), { signal });
    signal.addEventListener("abort", () => this.viewer.close());
  }

  /** @param {import("./tasks.js").Task} task @param {Annotation} annotation @param {AbortSignal} signal */
  async show(task, annotation, signal) {
    this.annotation = annotation;
    this.pointer.gesture = null;
    this.layer.show(annotation, signal);
    this.stage.setAttribute("aria-label", `Picture, ${task.width} by ${task.height} pixels`);
    await this.viewer.open(task.image_url, task);
    this.stage.dataset.task = task.task_id;
    this.layer.redraw();
  }

  get panning() {
    return this.pointer.panning;
  }

  /** @param {string} command @param {string} [key] @returns {boolean} whether it was one of the desk's */
  run(command, key = "") {
    if (command in ARROWS) return this.go(ARROWS[command]);
    if (command in STRETCHES) return this.stretch(STRETCHES[command]);
    const found = this.commands[command];
    if (!found) return false;
    found(key);
    return true;
  }

  /** @private @type {Record<string, (key: string) => void>} */
  commands = {
    create: () => this.create(),
    next: () => this.step(1),
    previous: () => this.step(-1),
    finer: () => this.setStep(this.stepAt - 1),
    coarser: () => this.setStep(this.stepAt + 1),
    label: (key) => this.label(Number(key) - 1),
    nextClass: () => this.stepClass(1),
    previousClass: () => this.stepClass(-1),
    remove: () => this.remove(),
    undo: () => this.tell(this.annotation.undo() ? `Undone. ${this.count()}` : "Nothing to undo."),
    redo: () => this.tell(this.annotation.redo() ? `Done again. ${this.count()}` : "Nothing to redo."),
    accept: () => this.accept(),
    acceptAll: () => this.acceptAll(),
    letGo: () => this.letGo(),
    zoomIn: () => this.viewer.zoomBy(ZOOM),
    zoomOut: () => this.viewer.zoomBy(1 / ZOOM),
    fit: () => this.viewer.fit(),
    pan: () => this.setPanning(!this.panning),
  };

  /** @param {boolean} panning */
  setPanning(panning) {
    this.pointer.panning = panning;
    this.tell(panning ? "Dragging moves the picture." : "Dragging draws a box.");
    this.changed();
  }

  create() {
    if (this.annotation.readOnly || !this.viewer.ready) return;
    const { visible } = this.viewer;
    const { size } = this.annotation;
    const [right, bottom] = [
      Math.min(visible.left + visible.width, size.width),
      Math.min(visible.top + visible.height, size.height),
    ];
    const [left, top] = [Math.max(visible.left, 0), Math.max(visible.top, 0)];
    const side = Math.max(2, Math.round(Math.min(right - left, bottom - top) * NEW_SHARE));
    const mark = this.annotation.add({
      left: Math.round((left + right - side) / 2),
      top: Math.round((top + bottom - side) / 2),
      width: side,
      height: side,
    });
    this.tell(`New box: ${spoken(mark)}. Steps of ${STEPS[this.stepAt]} pixels.`);
  }

  remove() {
    const { selected } = this.annotation;
    if (!selected || this.annotation.readOnly) return;
    this.annotation.remove(selected.id);
    this.tell(`Deleted. ${this.count()}`);
  }

  acceptAll() {
    const { open } = this.annotation;
    if (!open.length) return this.tell("There is no suggestion left.");
    this.annotation.accept(open.map(({ id }) => id));
    this.tell(`${open.length} accepted.`);
  }

  /** @param {number} index */
  label(index) {
    const name = this.annotation.classes[index];
    if (name === undefined || this.annotation.readOnly) return;
    this.annotation.use(name);
    this.tell(this.annotation.selected ? `The box is ${name}.` : `Boxes are ${name} from now on.`);
  }

  /** @private @param {1 | -1} direction */
  stepClass(direction) {
    const { classes, label, readOnly } = this.annotation;
    if (!readOnly) this.label((classes.indexOf(label) + direction + classes.length) % classes.length);
  }

  /** @private @param {1 | -1} direction */
  step(direction) {
    this.annotation.step(direction);
    const { selected, marks } = this.annotation;
    if (!selected) return this.tell("There is no box.");
    this.viewer.reveal(selected);
    const at = `Box ${marks.indexOf(selected) + 1} of ${marks.length}`;
    this.tell(`${at}: ${selected.open ? "suggested by the model, " : ""}${spoken(selected)}.`);
  }

  /** @private */
  accept() {
    const { selected } = this.annotation;
    if (!selected?.open) return this.tell("Select a suggestion first.");
    this.annotation.accept([selected.id]);
    this.tell("Accepted.");
  }

  /** @private */
  letGo() {
    if (!this.pointer.cancel()) this.annotation.select(null);
  }

  /** @private @param {number[]} direction */
  go([x, y]) {
    const { selected, size, readOnly } = this.annotation;
    if (!selected || readOnly) {
      this.viewer.pan(x * PAN_PX, y * PAN_PX);
      return true;
    }
    const step = STEPS[this.stepAt];
    this.reshape(selected.id, moved(selected, x * step, y * step, size), "reshape");
    return true;
  }

  /** @private @param {number[]} direction */
  stretch([x, y]) {
    const { selected, size, readOnly } = this.annotation;
    if (!selected || readOnly) return true;
    const step = STEPS[this.stepAt];
    const width = Math.min(Math.max(selected.width + x * step, 1), size.width - selected.left);
    const height = Math.min(Math.max(selected.height + y * step, 1), size.height - selected.top);
    this.reshape(selected.id, { ...selected, width, height }, "reshape-size");
    return true;
  }

  /** @private @param {number} id @param {import("../annotation/boxes.js").Rect} rect @param {string} gesture */
  reshape(id, rect, gesture) {
    this.annotation.reshape(id, rect, gesture);
    const { selected } = this.annotation;
    if (!selected) return;
    this.viewer.reveal(selected);
    this.tell(spoken(selected));
  }

  /** @private @param {number} at */
  setStep(at) {
    this.stepAt = Math.min(Math.max(at, 0), STEPS.length - 1);
    this.tell(`Steps of ${STEPS[this.stepAt]} ${this.stepAt ? "pixels" : "pixel"}.`);
  }

  /** @private */
  count() {
    const { length } = this.annotation.marks;
    return length === 1 ? "1 box." : `${length} boxes.`;
  }

  /** @private */
  changed() {
    this.dispatchEvent(new Event("tool"));
  }
}
