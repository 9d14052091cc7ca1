/** The names of boxes on the picture: short enough to be read, and none over another. */

/** @typedef {import("./boxes.js").Rect} Rect */
/** @typedef {{at: Rect, text: string, chosen: boolean}} Named */
/** @typedef {{x: number, y: number, text: string}} Name */

const LONGEST = 28;
const LETTER = 8.8;
const LINE = 17;
const MARGIN = 4;

/**
 * Where the names go, one for each box; null where it would lie over another: zooming in makes room for it.
 * @param {Named[]} boxes @param {{width: number, height: number}} stage @returns {(Name | null)[]}
 */
export function placeNames(boxes, stage) {
  /** @type {Rect[]} */
  const taken = [];
  /** @type {(Name | null)[]} */
  const names = boxes.map(() => null);
  const order = boxes.map((_, index) => index).sort((a, b) => Number(boxes[b].chosen) - Number(boxes[a].chosen));
  for (const index of order) {
    const { at, text } = boxes[index];
    const shown = shortened(text);
    const room = roomFor(at, shown.length * LETTER, stage);
    if (!touches(at, { left: 0, top: 0, ...stage }) || taken.some((other) => touches(other, room))) continue;
    taken.push(room);
    names[index] = { x: room.left, y: room.top + LINE - MARGIN, text: shown };
  }
  return names;
}

/** @param {string} text */
function shortened(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Above the box, or in it at the upper edge; never past an edge of the stage. @param {Rect} at @param {number} width
 *  @param {{width: number}} stage @returns {Rect} */
function roomFor(at, width, stage) {
  const left = Math.max(MARGIN, Math.min(at.left + 2, stage.width - width - MARGIN));
  const top = at.top > LINE + MARGIN ? at.top - LINE - 3 : Math.max(at.top, 0) + 2;
  return { left, top, width, height: LINE };
}

/** @param {Rect} a @param {Rect} b */
function touches(a, b) {
  return (
    a.left < b.left + b.width &&
    b.left < a.left + a.width &&
    a.top < b.top + b.height &&
    b.top < a.top + a.height
  );
}
