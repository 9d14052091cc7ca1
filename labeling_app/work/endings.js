/** What is shown where there is nothing (more) to draw on. */

import { counted, fill, h, icon } from "../dom.js";

/** @type {Record<string, string>} */
const VERBS = { label: "draw", verify: "check", settle: "decide" };

/** @param {import("../main.js").Page} page @param {string} kind @param {number} answered */
export async function showEnd(page, kind, answered) {
  const { rounds } = await page.api.get("/rounds", undefined, page.signal).catch(() => ({ rounds: [] }));
  const others = rounds.filter((/** @type {any} */ { open }) => open > 0).slice(0, 3);
  const verb = VERBS[kind];
  fill(
    page.root,
    h(
      "section",
      { class: "welcome" },
      h("span", { class: "badge" }, icon("check")),
      h("h1", { tabindex: -1, id: "end" }, answered ? "All done here" : `Nothing to ${verb} here now`),
      h(
        "p",
        { class: "quiet" },
        answered
          ? `You answered ${counted(answered, "picture")}. There is none left for you here.`
          : "Somebody else may be at the last ones; they come back if they are left.",
      ),
      others.map((/** @type {any} */ { round, kind: other, number, open }) =>
        h(
          "a",
          { class: "button main-one", href: `#/work/${other}/${round}` },
          `Round ${number}: ${VERBS[other]} (${open})`,
        ),
      ),
      h("a", { class: `button ${others.length ? "" : "main-one"}`, href: "#/" }, "To the rounds"),
    ),
  );
  document.getElementById("end")?.focus();
}

/** @param {import("../main.js").Page} page @param {() => void} again */
export function showOtherTab(page, again) {
  const here = () => {
    Object.assign(page, { takeOver: true });
    again();
  };
  fill(
    page.root,
    h(
      "section",
      { class: "welcome" },
      h("h1", {}, "You draw in another tab"),
      h("p", { class: "quiet" }, "Go on there, or here: one tab at a time, so that nothing is lost."),
      h("button", { type: "button", class: "button main-one", onclick: here }, "Go on here"),
    ),
  );
}
