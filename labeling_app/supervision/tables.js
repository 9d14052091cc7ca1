/** Tables and figures of the supervisor's and the approver's views. */

import { h } from "../dom.js";

/** @typedef {string | {text: string, explain?: string, of?: Column[]}} Column `of` are the columns under it */

/**
 * A table that scrolls sideways on its own, also by keyboard.
 * @param {string} caption what it shows
 * @param {Column[]} head the first names the lines, the others are numbers
 * @param {import("../dom.js").Child[][]} rows
 */
export function table(caption, head, rows) {
  const grouped = head.some((/** @type {any} */ name) => name.of);
  const column = (/** @type {any} */ name, /** @type {number} */ index) =>
    name.of
      ? h("th", { scope: "colgroup", colspan: name.of.length, class: "group" }, name.text)
      : h("th", { scope: "col", class: index && "number", rowspan: grouped && 2 }, explained(name));
  const below = head.flatMap((/** @type {any} */ name) => name.of ?? []);
  const line = (/** @type {any[]} */ cells) =>
    h("tr", {}, h("th", { scope: "row" }, cells[0]), cells.slice(1).map((cell) => h("td", { class: "number" }, cell)));
  return h(
    "div",
    { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, head.map(column)), grouped && h("tr", {}, below.map((name) => h("th", { scope: "col", class: "number" }, explained(name))))), h("tbody", {}, rows.map(line))),
  );
}

/** @param {any} name @returns {any} */
function explained(name) {
  return name.explain ? h("span", { title: name.explain }, name.text) : (name.text ?? name);
}

/** A number with what it says. @param {string} value @param {string} says @param {string} [more] */
export function figure(value, says, more) {
  return h("div", { class: "figure" }, h("dt", {}, says), h("dd", {}, h("span", { class: "number" }, value), more && h("small", {}, more)));
}

/** @param {string} iso @param {string} text */
export function time(iso, text) {
  return h("time", { datetime: iso, title: new Date(iso).toLocaleString() }, text);
}

/** What is shown where there is nothing to show. @param {string} text */
export function nothing(text) {
  return h("p", { class: "quiet nothing" }, text);
}
