/** The supervisor's view: rounds to start and to close, who did what, how far people agree. */

import { counted, fill, h, icon } from "../dom.js";
import { moment } from "./format.js";
import { agreementSection, peopleSection } from "./people.js";
import { show as showRound } from "./round.js";
import { roundsSection } from "./rounds.js";

/** @param {import("../main.js").Page} page */
export async function show(page) {
  const [what, round] = page.rest;
  if (what === "round" && round) return showRound(page, round);
  const { root } = page;
  fill(root, h("div", { class: "page" }, h("p", { class: "quiet centered" }, "Reading the rounds …")));
  await refresh(page);
}

/** @param {import("../main.js").Page} page */
async function refresh(page) {
  const { root, api, me, shell, signal } = page;
  const found = await api.get("/supervision", undefined, signal);
  if (signal.aborted) return;
  /** @param {() => Promise<any>} act @param {string} said */
  const andRefresh = async (act, said) => {
    try {
      await act();
      shell.notice("supervision", said, { closable: true });
    } catch (error) {
      shell.fail(error);
    }
    await refresh(page).catch((error) => shell.fail(error));
  };
  const acts = {
    start: (/** @type {string} */ model) =>
      andRefresh(() => api.post("/supervision/rounds", { model }, { signal, patience: 0 }), `Labeling of ${model} has been started.`),
    close: (/** @type {import("./rounds.js").Round} */ round) =>
      andRefresh(() => api.post(`/supervision/rounds/${round.round}/close`, {}, { signal }), `The round of ${round.model} is closed.`),
  };
  fill(
    root,
    h(
      "div",
      { class: "page supervision" },
      h(
        "header",
        { class: "line" },
        h("h1", {}, "Supervision"),
        h("button", { type: "button", class: "button bare", onclick: () => refresh(page).then(() => shell.tell("Read anew.")).catch((error) => shell.fail(error)) }, icon("redo"), "Read anew"),
      ),
      roundsSection(found.rounds, me.models.map(({ model }) => model), acts),
      peopleSection(found.people),
      agreementSection(found.agreement),
      considered(found.considered),
    ),
  );
}

/** @param {{rounds: number, answers: number, since: string | null} | undefined} of */
function considered(of) {
  if (!of?.since) return null;
  const rounds = counted(of.rounds, "round");
  return h("p", { class: "quiet small" }, `Counted are the newest ${rounds} with ${counted(of.answers, "answer")}, since ${moment(of.since)}.`);
}
