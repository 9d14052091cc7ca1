/** How far an approved model has come: staging, its test, prod. */

import { h, icon } from "../dom.js";

/** @typedef {"done" | "now" | "failed" | "ahead"} State */

/** @param {import("./packages.js").Package} found whether something more happens by itself */
export function underWay({ status, stage }) {
  return status === "Approved" && (!stage?.name || ["InProgress", "Passed"].includes(stage.status));
}

/** @param {import("./packages.js").Package} found */
export function steps(found) {
  if (found.status !== "Approved") return null;
  const { name = "", status = "", description = "" } = found.stage ?? {};
  const failed = status === "Failed" || status === "RolledBack";
  const held = status === HELD;
  /** @type {[string, State][]} */
  const way = [
    ["Approved", "done"],
    [held ? "Waits for other models of its tree" : failed && name === "Staging" ? "Staging did not take it" : "Tested in staging", staging(name, status)],
    [PROD[name === "Production" ? status : ""] ?? "Serves in prod", prod(name, status)],
  ];
  return h(
    "div",
    {},
    h("ol", { class: "way", "aria-label": "How far it has come" }, way.map(([text, state]) =>
      h("li", { class: state, "aria-current": state === "now" && "step" }, icon(ICON[state]), h("span", {}, text), h("span", { class: "unseen" }, SAID[state])),
    )),
    (failed || held) && description && h("p", { class: "small quiet reason" }, description),
  );
}

/** A member of a tree that fits nothing that serves: it goes with others, when these are approved. */
const HELD = "Held";

/** @type {Record<State, string>} */
const ICON = { done: "check", now: "next", failed: "cross", ahead: "minus" };
/** @type {Record<State, string>} */
const SAID = { done: "done", now: "under way", failed: "failed", ahead: "not yet" };
/** @type {Record<string, string>} */
const PROD = { Failed: "Prod did not take it", RolledBack: "Taken back from prod", Replaced: "Served in prod, replaced since" };

/** @param {string} name @param {string} status @returns {State} */
function staging(name, status) {
  if (status === HELD) return "now";
  if (name === "Production" || status === "Passed") return "done";
  return status === "Failed" ? "failed" : "now";
}

/** @param {string} name @param {string} status @returns {State} */
function prod(name, status) {
  if (status === HELD) return "ahead";
  if (name !== "Production") return status === "Passed" ? "now" : "ahead";
  if (status === "InProgress") return "now";
  return status === "Failed" || status === "RolledBack" ? "failed" : "done";
}
