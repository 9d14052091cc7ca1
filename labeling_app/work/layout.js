/** The places of the drawing view: tools, stage, panel, answers. */

import { fill, h, icon } from "../dom.js";

/** @type {Record<string, string>} what became of a draft */
const STATES = { new: "Saved as you draw", saved: "Saved", saving: "Saving …", kept: "Kept on this device" };

/** @typedef {{root: HTMLElement, stage: HTMLElement, panel: HTMLElement, bar: HTMLElement, place: HTMLElement, progress: HTMLProgressElement,
 *  state: HTMLElement, zoom: HTMLElement, pan: HTMLElement, cover: HTMLElement}} Layout */

/** @param {string} title @param {(command: string) => void} run @returns {Layout} */
export function layOut(title, run) {
  const tool = (
    /** @type {string} */ command,
    /** @type {string} */ text,
    /** @type {string} */ picture,
    more = {},
  ) =>
    h(
      "button",
      {
        type: "button",
        class: `button bare square`,
        "aria-label": text,
        title: text,
        data: { command },
        onclick: () => run(command),
        ...more,
      },
      icon(picture),
    );
  const place = h("p", { class: "place number" });
  const progress = h("progress", { value: 0, max: 1, "aria-label": "Round" });
  const state = h("p", { class: "state small quiet" });
  const zoom = h("span", { class: "zoom small number quiet", "aria-hidden": "true" });
  const pan = tool("pan", "Drag moves the picture (H)", "hand", { "aria-pressed": "false" });
  const cover = h("div", { class: "cover" });
  const stage = h("div", {
    class: "stage",
    tabindex: 0,
    role: "application",
    "aria-roledescription": "drawing area",
    "aria-describedby": "stage-help",
  });
  const panel = h("aside", { class: "panel", "aria-label": "Classes and boxes", tabindex: -1 });
  const bar = h("div", { class: "answers", role: "group", "aria-label": "Answer" });
  const tools = h(
    "div",
    { class: "tools", role: "group", "aria-label": "Picture tools" },
    h(
      "a",
      {
        class: "button bare square",
        href: "#/",
        "aria-label": "Back to the rounds",
        title: "Back to the rounds",
      },
      icon("back"),
    ),
    h("div", { class: "where" }, place, progress, state),
    h(
      "div",
      { class: "group" },
      tool("create", "New box (N)", "box"),
      tool("undo", "Undo (Ctrl Z)", "undo"),
      tool("redo", "Redo (Ctrl Y)", "redo"),
    ),
    h(
      "div",
      { class: "group" },
      pan,
      tool("zoomOut", "Zoom out (−)", "minus"),
      zoom,
      tool("zoomIn", "Zoom in (+)", "plus"),
      tool("fit", "Whole picture (0)", "fit"),
    ),
    tool("help", "Keys (?)", "keys"),
  );
  const root = h(
    "div",
    { class: "work" },
    h("h1", { class: "unseen" }, title),
    h(
      "p",
      { class: "unseen", id: "stage-help" },
      "N makes a box, arrows move it, Shift with arrows stretches it, numbers choose its class, question mark lists all keys.",
    ),
    tools,
    h("div", { class: "stage-frame" }, stage, cover),
    panel,
    bar,
  );
  return { root, stage, panel, bar, place, progress, state, zoom, pan, cover };
}

/** Lay words over the picture. @param {Layout} places @param {string} text empty to uncover it */
export function cover(places, text) {
  fill(places.cover, text && h("p", { class: "quiet" }, text));
  places.cover.hidden = !text;
}

/** Say whether what is drawn is kept. @param {Layout} places @param {string} state */
export function showState(places, state) {
  places.state.textContent = STATES[state];
  places.state.dataset.state = state;
}

/** @param {Layout} places @param {import("./desk.js").Desk} desk */
export function showTool(places, desk) {
  places.pan.setAttribute("aria-pressed", String(desk.panning));
  places.zoom.textContent = `${Math.round(desk.viewer.scale * 100)} %`;
}
