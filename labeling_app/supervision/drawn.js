/** A picture with the boxes that several people drew on it, each in a colour and a line of their own. */

import { h, s } from "../dom.js";

/** @typedef {{label: string, left: number, top: number, width: number, height: number}} Box */
/** @typedef {{by: string, boxes: Box[]}} Layer */

/**
 * @param {{image_url: string, width: number, height: number}} picture
 * @param {Layer[]} layers the first lies lowest
 * @param {string} alt
 */
export function drawn(picture, layers, alt) {
  const image = h("img", { src: picture.image_url, alt, loading: "lazy", decoding: "async", width: picture.width, height: picture.height });
  const frame = h("div", { class: "drawn" }, image);
  image.addEventListener("error", () => frame.replaceChildren(h("p", { class: "quiet gone" }, "The picture cannot be shown. It may have been deleted.")));
  const shapes = layers.flatMap(({ boxes }, index) =>
    boxes.map((box) =>
      s("rect", { class: `by-${index % 4}`, x: box.left, y: box.top, width: box.width, height: box.height, "vector-effect": "non-scaling-stroke" }),
    ),
  );
  frame.append(s("svg", { viewBox: `0 0 ${picture.width} ${picture.height}`, preserveAspectRatio: "xMidYMid meet", "aria-hidden": "true" }, shapes));
  return frame;
}
