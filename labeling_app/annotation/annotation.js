/** What is drawn on one picture: the boxes, which one is selected, and the way back. */

import { inside, overlap, plain, same } from "./boxes.js";

/** @typedef {import("./boxes.js").Box} Box */
/** @typedef {{index: number, score: number, box: Box}} Suggestion */
/**
 * A box with what the page knows of it: `suggestion` where a model proposed it, `open` until a person has said so.
 * @typedef {Box & {id: number, suggestion?: Suggestion, open?: boolean}} Mark
 */

const MAX_BACK = 200;
const ONE_GO_MS = 700;
/** A suggestion counts as answered if a restored box lies this well on it. */
const ANSWERED_IOU = 0.5;

/** Tells "change" (Event) whenever what is shown changes, and "edit" whenever what would be answered does. */
export class Annotation extends EventTarget {
  /** @param {import("./boxes.js").Size} size @param {string[]} classes */
  constructor(size, classes) {
    super();
    this.size = size;
    this.classes = classes;
    this.label = classes[0];
    this.readOnly = false;
    /** @type {readonly Mark[]} */
    this.marks = [];
    /** @type {number | null} */
    this.selectedId = null;
    /** @type {Suggestion[]} */
    this.suggestions = [];
    /** @type {(readonly Mark[])[]} */
    this.back = [];
    /** @type {(readonly Mark[])[]} */
    this.forth = [];
    this.lastId = 0;
    /** @type {{what: string, at: number} | null} what the last step was, to make one of many small ones */
    this.going = null;
  }

  get selected() {
    return this.marks.find((mark) => mark.id === this.selectedId) ?? null;
  }

  /** The boxes that a person has drawn or taken. @returns {Box[]} */
  get boxes() {
    return this.marks.filter((mark) => !mark.open).map(plain);
  }

  /** The suggestions that nobody has said anything to. */
  get open() {
    return this.marks.filter((mark) => mark.open);
  }

  /** Begin with these, without a way back before them. @param {Box[]} boxes @param {(Box & {score: number})[]} [suggested] */
  start(boxes, suggested = []) {
    this.suggestions = suggested.map((box, index) => ({
      index,
      score: box.score,
      box: inside(plain(box), this.size),
    }));
    const drawn = boxes.map((box) => ({ ...inside(plain(box), this.size), id: ++this.lastId }));
    const left = this.suggestions.filter(
      ({ box }) => !drawn.some((other) => overlap(box, other) > ANSWERED_IOU),
    );
    this.marks = [
      ...drawn,
      ...left.map((suggestion) => ({ ...suggestion.box, id: ++this.lastId, suggestion, open: true })),
    ];
    this.shown();
  }

  /** Begin where somebody stopped, as `kept` said it. @param {Mark[]} marks @param {(Box & {score: number})[]} [suggested] */
  resume(marks, suggested = []) {
    this.start([], suggested);
    this.marks = marks.map((mark) => ({ ...mark, ...inside(plain(mark), this.size), id: ++this.lastId }));
    this.shown();
  }

  /** @param {import("./boxes.js").Rect} rect @param {string} [label] */
  add(rect, label = this.label) {
    const mark = { ...inside(rect, this.size), label, id: ++this.lastId };
    this.selectedId = mark.id;
    this.edit("add", [...this.marks, mark]);
    return mark;
  }

  /** Put all of these in place of what is there. @param {Box[]} boxes */
  replaceAll(boxes) {
    this.selectedId = null;
    this.edit(
      "replace",
      boxes.map((box) => ({ ...inside(plain(box), this.size), id: ++this.lastId })),
    );
  }

  /** Move or stretch one; small steps soon after each other are one step back. @param {number} id @param {import("./boxes.js").Rect} rect @param {string} [gesture] */
  reshape(id, rect, gesture = "reshape") {
    const { left, top, width, height } = inside(rect, this.size);
    this.edit(
      `${gesture} ${id}`,
      this.marks.map((mark) => (mark.id === id ? { ...mark, left, top, width, height, open: false } : mark)),
    );
  }

  /** Label what is selected, and what is drawn next. @param {string} label */
  use(label) {
    this.label = label;
    const { selected } = this;
    if (!selected || this.readOnly || (selected.label === label && !selected.open)) return this.shown();
    const { id } = selected;
    this.edit(
      "label",
      this.marks.map((mark) => (mark.id === id ? { ...mark, label, open: false } : mark)),
    );
  }

  /** @param {number} id */
  remove(id) {
    const at = this.marks.findIndex((mark) => mark.id === id);
    if (at < 0) return;
    this.edit(
      "remove",
      this.marks.filter((mark) => mark.id !== id),
    );
    if (this.selectedId === id) this.select(null);
  }

  /** Take suggestions as they are. @param {number[]} ids */
  accept(ids) {
    this.edit(
      "accept",
      this.marks.map((mark) => (ids.includes(mark.id) ? { ...mark, open: false } : mark)),
    );
  }

  /** @param {number | null} id */
  select(id) {
    if (this.selectedId === id) return;
    this.selectedId = id;
    const mark = this.selected;
    if (mark) this.label = mark.label;
    this.shown();
  }

  /** Select the next or the previous one. @param {1 | -1} direction */
  step(direction) {
    if (!this.marks.length) return;
    const at = this.marks.findIndex((mark) => mark.id === this.selectedId);
    const next =
      at < 0
        ? direction > 0
          ? 0
          : this.marks.length - 1
        : (at + direction + this.marks.length) % this.marks.length;
    this.select(this.marks[next].id);
  }

  /** @returns {boolean} whether there was a way back */
  undo() {
    return this.travel(this.back, this.forth);
  }

  /** @returns {boolean} */
  redo() {
    return this.travel(this.forth, this.back);
  }

  /** What became of the model's suggestions; null where there were none. */
  tally() {
    if (!this.suggestions.length) return null;
    const tally = { accepted: 0, moved: 0, deleted: 0 };
    for (const { index, box } of this.suggestions) {
      const mark = this.marks.find((one) => one.suggestion?.index === index);
      if (!mark) tally.deleted += 1;
      else if (same(mark, box)) tally.accepted += 1;
      else tally.moved += 1;
    }
    return tally;
  }

  /** @private @param {(readonly Mark[])[]} from @param {(readonly Mark[])[]} to */
  travel(from, to) {
    const marks = from.pop();
    if (!marks || this.readOnly) return false;
    to.push(this.marks);
    this.marks = marks;
    this.going = null;
    if (!this.selected) this.selectedId = null;
    this.edited();
    return true;
  }

  /** @private @param {string} what @param {readonly Mark[]} marks */
  edit(what, marks) {
    if (this.readOnly) return;
    const now = Date.now();
    const onGoing = what.startsWith("reshape") || what.startsWith("drag");
    const goes =
      onGoing && this.going?.what === what && (what.startsWith("drag") || now - this.going.at < ONE_GO_MS);
    if (!goes) this.back.push(this.marks);
    if (this.back.length > MAX_BACK) this.back.shift();
    this.going = { what, at: now };
    this.forth = [];
    this.marks = marks;
    this.edited();
  }

  /** @private */
  edited() {
    this.dispatchEvent(new Event("edit"));
    this.shown();
  }

  /** @private */
  shown() {
    this.dispatchEvent(new Event("change"));
  }
}
