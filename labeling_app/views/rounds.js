/** The rounds that are open, how far they are, and what there is to do in each. */

import { counted, fill, h, icon } from "../dom.js";
import { SignedOut } from "../session.js";
import { keptAnswers } from "../work/kept_answers.js";

/** @typedef {{round: string, model: string, kind: "label" | "verify" | "settle", number: number, total: number, answered: number, open: number,
 *   mine: {answered: number}, status: string, opened_at: string, closes_at: string}} Round */

const REFRESH_MS = 15_000;
const RETRY_MS = 3000;
const KINDS = {
  label: { name: "Draw", explain: "Mark what is in each picture." },
  verify: { name: "Check", explain: "Judge what somebody else drew." },
  settle: { name: "Last word", explain: "Decide where people did not agree." },
};

/** @param {import("../main.js").Page} page */
export async function show(page) {
  const list = h("div", { class: "cards" });
  const kept = h("div", {});
  fill(
    page.root,
    h(
      "div",
      { class: "page" },
      h(
        "header",
        {},
        h("h1", {}, "Rounds"),
        h(
          "p",
          { class: "quiet" },
          "Pictures come in rounds: first somebody draws, then somebody else checks.",
        ),
      ),
      kept,
      list,
    ),
  );
  const renderKept = () => fill(kept, keptAnswers(page.outbox));
  page.outbox.addEventListener("change", renderKept, { signal: page.signal });
  renderKept();
  fill(list, h("p", { class: "quiet" }, "Loading …"));
  await keepFresh(page, list);
}

/** Look again and again until the view is left, sooner where the last look failed. @param {import("../main.js").Page} page
 *  @param {HTMLElement} list */
async function keepFresh(page, list) {
  const { signal } = page;
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const look = async () => {
    const seen =
      document.visibilityState === "hidden" ||
      (await refresh(page, list).then(
        () => true,
        (error) => signal.aborted || failed(page, list, error),
      ));
    if (!signal.aborted) timer = setTimeout(look, seen ? REFRESH_MS : RETRY_MS);
  };
  await look();
}

/** What is shown stays; where nothing is shown yet, that is said. @param {import("../main.js").Page} page
 *  @param {HTMLElement} list @param {any} error @returns {false} */
function failed(page, list, error) {
  // The frame says itself that there is no connection, or no session any more.
  if (!error.passing && !(error instanceof SignedOut)) page.shell.fail(error);
  if (!list.querySelector(".card"))
    fill(list, h("p", { class: "quiet" }, "The rounds cannot be read now. This page tries again by itself."));
  return false;
}

/** @param {import("../main.js").Page} page @param {HTMLElement} list */
async function refresh(page, list) {
  const { rounds } = await page.api.get("/rounds", undefined, page.signal);
  if (page.signal.aborted) return;
  page.shell.drop("error");
  const focused =
    document.activeElement instanceof HTMLElement ? document.activeElement.dataset.round : undefined;
  fill(list, rounds.length ? rounds.map(card) : nothing());
  if (focused)
    /** @type {HTMLElement | null} */ (list.querySelector(`[data-round="${CSS.escape(focused)}"]`))?.focus();
}

function nothing() {
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "No round is open"),
    h(
      "p",
      { class: "quiet" },
      "A round starts when there are new pictures, by the clock, or when a supervisor starts one. This page looks again by itself.",
    ),
  );
}

/** @param {Round} round */
function card({ round, model, kind, number, total, answered, open, mine, closes_at }) {
  const { name, explain } = KINDS[kind];
  return h(
    "article",
    { class: "card" },
    h("header", {}, h("h2", {}, `${model}, round ${number}`), h("span", { class: "tag" }, name)),
    h("p", { class: "quiet" }, explain),
    h("progress", { max: Math.max(total, 1), value: answered, "aria-label": `${answered} of ${total} done` }),
    h(
      "p",
      { class: "facts number" },
      h("span", {}, `${answered} of ${total} done`),
      h("span", {}, `${mine.answered} by you`),
      closes_at && h("span", {}, closing(closes_at)),
    ),
    h(
      "footer",
      {},
      open > 0
        ? h(
            "a",
            {
              class: "button main-one",
              href: `#/work/${kind}/${encodeURIComponent(round)}`,
              data: { round },
            },
            name,
            icon("next"),
          )
        : h("p", { class: "tag plain" }, answered === total ? "Complete" : "Nothing for you now"),
      open > 0 && h("span", { class: "small quiet" }, `${counted(open, "picture")} for you`),
    ),
  );
}

/** @param {string} at */
function closing(at) {
  const hours = (Date.parse(at) - Date.now()) / 3_600_000;
  if (hours < 0) return "closing";
  if (hours < 1) return `closes in ${counted(Math.max(1, Math.round(hours * 60)), "minute")}`;
  return hours < 48
    ? `closes in ${counted(Math.round(hours), "hour")}`
    : `closes in ${counted(Math.round(hours / 24), "day")}`;
}
