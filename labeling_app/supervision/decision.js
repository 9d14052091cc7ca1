/** Approve or reject a model: a note, a question whether it is meant, what then happens. */

import { confirm } from "../dialogs.js";
import { h, icon } from "../dom.js";

const LONGEST = 500;

/** @param {import("../main.js").Page} page @param {import("./packages.js").Package} found @param {() => Promise<any>} done */
export function decision({ api, me, shell, signal }, found, done) {
  const id = `note-${found.model}-${found.version}`;
  const note = h("textarea", { id, maxlength: LONGEST, rows: 2, "aria-describedby": `${id}-help` });
  const problem = h("p", { class: "tag bad", role: "alert", hidden: true }, "Say why, in a few words.");
  note.addEventListener("input", () => (problem.hidden = problem.hidden || note.value.trim() !== ""));
  const buttons = h("footer", {});
  /** @param {"approve" | "reject"} verdict @param {{title: string, explain: string, action: string, bad?: boolean}} question */
  const decide = async (verdict, question) => {
    problem.hidden = note.value.trim() !== "";
    if (!problem.hidden) return note.focus();
    if (!(await confirm(question))) return;
    for (const button of buttons.querySelectorAll("button")) button.disabled = true;
    try {
      await api.post("/packages/decision", { arn: found.arn, decision: verdict, note: note.value.trim() }, { signal });
      shell.notice("decision", `${found.model}, version ${found.version}, is ${verdict === "approve" ? "approved: it is on its way to staging" : "rejected"}.`, { closable: true });
    } catch (error) {
      shell.fail(error);
    }
    await done();
  };
  const approve = () =>
    decide("approve", {
      title: `Approve version ${found.version} of ${found.model}?`,
      explain: `${found.report_url ? "" : "There is no report to read yet. "}It goes to staging, is tested there, then to prod, and to the devices. Your name, ${me.name}, and your note go into the record of the release.`,
      action: "Approve",
    });
  const reject = () =>
    decide("reject", {
      title: `Reject version ${found.version} of ${found.model}?`,
      explain: `It is not promoted; what runs now stays. Your name, ${me.name}, and your note are kept with it.`,
      action: "Reject",
      bad: true,
    });
  buttons.append(
    h("button", { type: "button", class: "button main-one", onclick: approve }, icon("check"), "Approve"),
    h("button", { type: "button", class: "button bad", onclick: reject }, icon("cross"), "Reject"),
  );
  return h(
    "div",
    { class: "decision" },
    h("label", { for: id }, "Your note"),
    note,
    h("p", { id: `${id}-help`, class: "quiet small" }, `Why you decide so. It is kept with your name, ${me.name}.`),
    problem,
    buttons,
  );
}
