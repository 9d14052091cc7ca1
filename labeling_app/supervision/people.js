/** Who did what, and how far people agree. */

import { h } from "../dom.js";
import { decimal, duration, percent } from "./format.js";
import { figure, nothing, table } from "./tables.js";

/**
 * @typedef {{answered: number, seconds_median: number | null, rejected_share: number | null}} Work
 * @typedef {{name: string, label: Work, verify: Work, settle?: Work, skipped: number}} Person
 * @typedef {{a: string, b: string, images: number, mean_iou: number | null, matched_share?: number | null,
 *   kappa: number | null}} Pair
 * @typedef {{model: string, pairs: Pair[], mean_iou: number | null, approved_share: number | null}} Agreement
 */

const HEAD = [
  "Person",
  {
    text: "Labels",
    of: [
      "Drawn",
      { text: "Median time", explain: "Half of this person's labels took longer" },
      { text: "Rejected", explain: "Share of this person's labels that somebody else rejected" },
    ],
  },
  {
    text: "Verdicts",
    of: [
      "Given",
      { text: "Median time", explain: "Half of this person's verdicts took longer" },
      { text: "Rejections", explain: "Share of this person's verdicts that were a rejection" },
    ],
  },
  { text: "Settled", explain: "Labels on which this supervisor had the last word" },
  "Skipped",
];

/** @param {Person[]} people */
export function peopleSection(people) {
  const rows = people.map((person) => [
    person.name,
    person.label.answered,
    duration(person.label.seconds_median),
    rejected(person.label),
    person.verify.answered,
    duration(person.verify.seconds_median),
    percent(person.verify.rejected_share),
    person.settle?.answered ?? 0,
    person.skipped,
  ]);
  return h(
    "section",
    { class: "block", "aria-labelledby": "people" },
    h("h2", { id: "people" }, "Who did what"),
    rows.length ? table("Answers of each person", HEAD, rows) : nothing("Nobody has answered anything yet."),
  );
}

/** Much more rejected than not is worth a look. @param {Work} work */
function rejected(work) {
  const text = percent(work.rejected_share);
  return work.rejected_share !== null && work.rejected_share > 0.25 ? h("span", { class: "tag warn" }, text) : text;
}

const PAIR_HEAD = [
  "Two people",
  { text: "Pictures", explain: "Pictures that both of them saw" },
  { text: "Mean IoU", explain: "How far boxes of the same object overlap, 0 to 1" },
  { text: "Boxes found by both", explain: "Share of their boxes that the other one drew as well" },
  { text: "Kappa", explain: "Agreement on what is on the picture, beyond chance: 0 none, 1 complete" },
];

/** @param {Agreement[]} agreement */
export function agreementSection(agreement) {
  return h(
    "section",
    { class: "block", "aria-labelledby": "agreement" },
    h("h2", { id: "agreement" }, "How far people agree"),
    agreement.length ? agreement.map(model) : nothing("No label has been verified yet."),
    h(
      "details",
      { class: "explain" },
      h("summary", {}, "What these numbers say"),
      h(
        "p",
        {},
        "Two people are compared on pictures that both labeled, and where one mended the other's label. Mean IoU is how far the boxes of the same object overlap: above 0.8 is as good as the same. Kappa is about what is on the picture at all, a class or nothing, beyond what chance would give: above 0.8 is very good, below 0.4 means that the instructions are read in different ways.",
      ),
    ),
  );
}

/** @param {Agreement} found */
function model(found) {
  return h(
    "div",
    { class: "agreement" },
    h("h3", {}, found.model),
    h(
      "dl",
      { class: "figures" },
      figure(percent(found.approved_share), "Approved as drawn"),
      figure(decimal(found.mean_iou), "Mean IoU"),
    ),
    found.pairs.length
      ? table(`Pairs of people who saw the same pictures of ${found.model}`, PAIR_HEAD, found.pairs.map(pair))
      : nothing("No picture was drawn on by two people yet."),
  );
}

/** @param {Pair} found */
function pair(found) {
  return [
    `${found.a} and ${found.b}`,
    found.images,
    scale(found.mean_iou),
    percent(found.matched_share),
    h("span", { class: found.kappa !== null && found.kappa < 0.4 && "tag warn" }, decimal(found.kappa)),
  ];
}

/** A number of 0 to 1 with a bar of that length. @param {number | null} value */
function scale(value) {
  if (value === null) return decimal(value);
  const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span"));
  bar.firstChild.style.width = `${Math.round(value * 100)}%`;
  return h("span", { class: "scale" }, bar, decimal(value));
}
