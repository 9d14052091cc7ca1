/** Boxes in pixels of the upright picture, in hundredths: the arithmetic, and nothing that is shown. */

/** @typedef {{label: string, left: number, top: number, width: number, height: number}} Box */
/** @typedef {{left: number, top: number, width: number, height: number}} Rect */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {"n"|"ne"|"e"|"se"|"s"|"sw"|"w"|"nw"} Handle */

/** The API takes no box that is narrower or lower. */
export const MIN_SIDE = 1;

/** @type {Handle[]} */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

const hundredths = (/** @type {number} */ value) => Math.round(value * 100) / 100;
const between = (/** @type {number} */ low, /** @type {number} */ value, /** @type {number} */ high) =>
  Math.max(low, Math.min(value, high));

/** The rectangle between two points, cut to the picture. @param {Point} a @param {Point} b @param {Size} size @returns {Rect} */
export function spanned(a, b, size) {
  const [left, right] = [a.x, b.x].map((x) => between(0, x, size.width)).sort((x, y) => x - y);
  const [top, bottom] = [a.y, b.y].map((y) => between(0, y, size.height)).sort((x, y) => x - y);
  return inside({ left, top, width: right - left, height: bottom - top }, size);
}

/** The same rectangle inside the picture: pushed back, and made smaller where it must be.
 * @template {Rect} T @param {T} rect @param {Size} size @returns {T} */
export function inside(rect, size) {
  const width = between(MIN_SIDE, hundredths(rect.width), size.width);
  const height = between(MIN_SIDE, hundredths(rect.height), size.height);
  const left = hundredths(between(0, rect.left, size.width - width));
  const top = hundredths(between(0, rect.top, size.height - height));
  return { ...rect, left, top, width, height };
}

/** @template {Rect} T @param {T} rect @param {number} dx @param {number} dy @param {Size} size @returns {T} */
export function moved(rect, dx, dy, size) {
  return inside({ ...rect, left: rect.left + dx, top: rect.top + dy }, size);
}

/** One handle dragged; past the opposite side it turns over.
 * @template {Rect} T @param {T} rect @param {Handle} handle @param {number} dx @param {number} dy @param {Size} size @returns {T} */
export function stretched(rect, handle, dx, dy, size) {
  const a = { x: rect.left, y: rect.top };
  const b = { x: rect.left + rect.width, y: rect.top + rect.height };
  if (handle.includes("w")) a.x += dx;
  if (handle.includes("e")) b.x += dx;
  if (handle.includes("n")) a.y += dy;
  if (handle.includes("s")) b.y += dy;
  return { ...rect, ...spanned(a, b, size) };
}

/** @param {Rect} rect @param {Point} point @param {number} [slack] pixels around it that count, too */
export function contains(rect, point, slack = 0) {
  return (
    point.x >= rect.left - slack &&
    point.x <= rect.left + rect.width + slack &&
    point.y >= rect.top - slack &&
    point.y <= rect.top + rect.height + slack
  );
}

/** The same middle, with sides no shorter than this: a small box has room for its handles around it.
 * @param {Rect} rect @param {number} side @returns {Rect} */
export function framed({ left, top, width, height }, side) {
  const [dx, dy] = [Math.max(0, side - width) / 2, Math.max(0, side - height) / 2];
  return { left: left - dx, top: top - dy, width: width + 2 * dx, height: height + 2 * dy };
}

/** Where a handle is. @param {Rect} rect @param {Handle} handle @returns {Point} */
export function handlePoint(rect, handle) {
  const x = handle.includes("w") ? 0 : handle.includes("e") ? 1 : 0.5;
  const y = handle.includes("n") ? 0 : handle.includes("s") ? 1 : 0.5;
  return { x: rect.left + x * rect.width, y: rect.top + y * rect.height };
}

/** Intersection over union. @param {Rect} a @param {Rect} b */
export function overlap(a, b) {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (a.width * a.height + b.width * b.height - shared);
}

/** @param {Box} a @param {Box} b */
export function same(a, b) {
  return (
    a.label === b.label &&
    a.left === b.left &&
    a.top === b.top &&
    a.width === b.width &&
    a.height === b.height
  );
}

/** What the API takes of a box. @param {Box} box @returns {Box} */
export function plain({ label, left, top, width, height }) {
  return { label, left, top, width, height };
}

/** A box in words. @param {Box} box */
export function spoken(box) {
  const [left, top, width, height] = [box.left, box.top, box.width, box.height].map(Math.round);
  return `${box.label}, ${left} from the left, ${top} from the top, ${width} wide, ${height} high`;
}
