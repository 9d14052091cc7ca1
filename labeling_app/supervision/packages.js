/** The approver's view: models that wait for a decision, with what there is to read, and what came of the others. */

import { fill, h, icon } from "../dom.js";
import { decision } from "./decision.js";
import { away, decimal } from "./format.js";
import { figure, nothing, time } from "./tables.js";
import { steps, underWay } from "./way.js";

/**
 * @typedef {{arn: string, model: string, version: number, status: string, created_at: string, remark?: string,
 *   metrics: Record<string, number>, report_url: string | null,
 *   stage?: {name: string, status: string, description: string}}} Package
 */

const REFRESH_MS = 10_000;
const MOST_LOOKS = 360; // an hour: a promotion that takes longer is looked at again by hand
const METRICS = [["map50", "mAP50"], ["map50_95", "mAP50-95"], ["top1", "Top-1"], ["top5", "Top-5"]];

/** @param {import("../main.js").Page} page */
export async function show(page) {
  fill(page.root, h("div", { class: "page" }, h("p", { class: "quiet centered" }, "Reading the models …")));
  await refresh(page);
}

/** @param {import("../main.js").Page} page */
async function refresh(page) {
  const { root, api, signal } = page;
  const { packages } = await api.get("/packages", undefined, signal);
  if (signal.aborted) return;
  const waits = packages.filter((/** @type {Package} */ found) => found.status === "PendingManualApproval");
  const decided = packages.filter((/** @type {Package} */ found) => found.status !== "PendingManualApproval");
  const list = h("div", { class: "cards decided" }, decided.map(decidedCard));
  fill(
    root,
    h(
      "div",
      { class: "page packages" },
      h("header", { class: "line" }, h("h1", {}, "Models"), readAnew(page)),
      h(
        "section",
        { class: "block", "aria-labelledby": "waiting" },
        h("h2", { id: "waiting" }, "Waiting for approval"),
        waits.length ? h("div", { class: "cards waiting" }, waits.map((/** @type {Package} */ found) => waitingCard(page, found))) : nothing("Nothing waits. A model comes here when it has been trained and its numbers are good enough."),
      ),
      decided.length > 0 && h("section", { class: "block", "aria-labelledby": "decided" }, h("h2", { id: "decided" }, "Decided"), list),
    ),
  );
  if (decided.some(underWay)) follow(page, list, decided);
}

/** @param {import("../main.js").Page} page */
function readAnew(page) {
  const again = () => refresh(page).then(() => page.shell.tell("Read anew.")).catch((error) => page.shell.fail(error));
  return h("button", { type: "button", class: "button bare", onclick: again }, icon("redo"), "Read anew");
}

/** Show how far the approved ones come, without touching what is being written above.
 *  @param {import("../main.js").Page} page @param {HTMLElement} list @param {Package[]} known */
function follow({ api, signal }, list, known) {
  let shown = JSON.stringify(known.map(({ stage }) => stage));
  let looks = 0;
  const look = async () => {
    if (signal.aborted || !list.isConnected) return;
    const found = await api.get("/packages", undefined, signal).catch(() => null);
    if (signal.aborted || !list.isConnected) return;
    const all = /** @type {Package[] | undefined} */ (found?.packages);
    const decided = all?.filter(({ status }) => status !== "PendingManualApproval") ?? known;
    const now = JSON.stringify(decided.map(({ stage }) => stage));
    if (now !== shown) fill(list, decided.map(decidedCard));
    shown = now;
    looks += 1;
    if (decided.some(underWay) && looks < MOST_LOOKS) setTimeout(look, REFRESH_MS);
  };
  setTimeout(look, REFRESH_MS);
}

/** @param {import("../main.js").Page} page @param {Package} found */
function waitingCard(page, found) {
  const done = () => refresh(page).catch((error) => page.shell.fail(error));
  return h(
    "article",
    { class: "card package", "aria-label": title(found), data: { arn: found.arn } },
    h("header", {}, h("div", {}, h("h3", {}, title(found)), h("p", { class: "quiet small" }, "Registered ", time(found.created_at, away(found.created_at)))), h("span", { class: "tag warn" }, "Waits")),
    metrics(found),
    found.report_url
      ? h("a", { class: "button report", href: found.report_url, target: "_blank", rel: "noopener" }, icon("book"), "Read the report")
      : h("p", { class: "quiet" }, "There is no report yet: it is written a few minutes after the training. Read anew in a while."),
    decision(page, found, done),
  );
}

/** @param {Package} found */
function decidedCard(found) {
  const approved = found.status === "Approved";
  return h(
    "article",
    { class: "card package", "aria-label": title(found), data: { arn: found.arn } },
    h("header", {}, h("div", {}, h("h3", {}, title(found)), h("p", { class: "quiet small" }, "Registered ", time(found.created_at, away(found.created_at)))), h("span", { class: `tag ${approved ? "good" : "bad"}` }, icon(approved ? "check" : "cross"), approved ? "Approved" : "Rejected")),
    found.remark && h("blockquote", {}, found.remark),
    steps(found),
    h("footer", {}, found.report_url && h("a", { href: found.report_url, target: "_blank", rel: "noopener" }, "The report")),
  );
}

/** @param {Package} found */
function metrics(found) {
  const known = METRICS.filter(([key]) => found.metrics[key] !== undefined);
  if (!known.length) return null;
  return h("dl", { class: "figures" }, known.map(([key, says]) => figure(decimal(found.metrics[key], 3), says)));
}

/** @param {Package} found */
function title(found) {
  return `${found.model}, version ${found.version}`;
}
