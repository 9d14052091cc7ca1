/** Rounds: those that are open, to look at and to close; those that are over; labeling to start. */

import { confirm } from "../dialogs.js";
import { counted, h, icon } from "../dom.js";
import { away, moment, roundTitle } from "./format.js";
import { nothing, table, time } from "./tables.js";

/**
 * @typedef {{round: string, model: string, kind: string, number: number, total: number, answered: number, open: number,
 *   status: string, opened_at: string, closes_at: string, execution: string}} Round
 * @typedef {{start: (model: string) => Promise<void>, close: (round: Round) => Promise<void>}} Acts
 */

/** @param {Round[]} rounds @param {string[]} models @param {Acts} acts */
export function roundsSection(rounds, models, acts) {
  const open = rounds.filter(({ status }) => status === "open");
  const over = rounds.filter(({ status }) => status !== "open");
  return h(
    "section",
    { class: "block", "aria-labelledby": "rounds" },
    h("header", { class: "line" }, h("h2", { id: "rounds" }, "Rounds"), h("div", { class: "starts" }, models.map((model) => startButton(model, acts)))),
    open.length
      ? h("div", { class: "cards" }, open.map((round) => card(round, acts)))
      : nothing("No round is open. Start labeling where there are new pictures."),
    over.length > 0 && h("details", { class: "over" }, h("summary", {}, counted(over.length, "round that is over", "rounds that are over")), overTable(over)),
  );
}

/** @param {string} model @param {Acts} acts */
function startButton(model, acts) {
  const start = async () => {
    const yes = await confirm({
      title: `Start labeling ${model}?`,
      explain: "Pictures without a label are gathered into a round, and everybody who labels is offered them. A few seconds pass until it shows here.",
      action: "Start",
    });
    if (yes) await acts.start(model);
  };
  return h("button", { type: "button", class: "button", onclick: start }, icon("plus"), `Start labeling ${model}`);
}

/** @param {Round} round @param {Acts} acts */
function card(round, acts) {
  const close = async () => {
    const left = round.total - round.answered;
    const yes = await confirm({
      title: `Close this round of ${round.model}?`,
      explain: `${counted(left, "picture has", "pictures have")} no answer yet and will come back in the next round. Whoever is drawing now is told that the round is over. This cannot be undone.`,
      action: "Close the round",
      bad: true,
    });
    if (yes) await acts.close(round);
  };
  return h(
    "article",
    { class: "card round", "aria-label": name(round), data: { round: round.round } },
    h("header", {}, h("h3", {}, roundTitle(round)), h("span", { class: "tag" }, `Round ${round.number}`)),
    h(
      "div",
      { class: "progress" },
      h("progress", { max: Math.max(1, round.total), value: round.answered, "aria-label": `${round.answered} of ${round.total} answered` }),
      h("p", { class: "number" }, h("b", {}, round.answered), ` of ${round.total} answered`),
    ),
    h(
      "p",
      { class: "facts" },
      h("span", {}, "Opened ", time(round.opened_at, away(round.opened_at))),
      round.closes_at && h("span", {}, "Closes ", time(round.closes_at, away(round.closes_at))),
    ),
    h(
      "footer",
      {},
      h("a", { class: "button", href: `#/supervision/round/${round.round}` }, icon("list"), "Look at it"),
      h("button", { type: "button", class: "button bare bad", onclick: close }, "Close now"),
    ),
  );
}

/** @param {Round[]} rounds */
function overTable(rounds) {
  return table("Rounds that are over", ["Round", "Answered", "Left", "Opened"], rounds.map((round) => [
    h("a", { href: `#/supervision/round/${round.round}` }, name(round)),
    `${round.answered} of ${round.total}`,
    round.total - round.answered,
    time(round.opened_at, moment(round.opened_at)),
  ]));
}

/** @param {Round} round */
function name(round) {
  return `${roundTitle(round)}, round ${round.number}`;
}
