/** The pictures of one round, each with everything that anybody said about it. */

import { ask } from "../dialogs.js";
import { counted, fill, h, icon } from "../dom.js";
import { drawn } from "./drawn.js";
import { duration, moment, roundTitle } from "./format.js";
import { nothing, time } from "./tables.js";

/**
 * @typedef {import("./drawn.js").Box} Box
 * @typedef {{by: string, at: string, seconds: number | null, what: string, boxes?: Box[] | null, reason?: string | null}} Answer
 * @typedef {{task_id: string, number: number, image_url: string, image_uri: string, width: number, height: number,
 *   boxes: Box[], labeled_by: string[], status: string, answers: Answer[],
 *   skipped: {by: string, at: string, reason: string}[]}} Task
 */

/** @type {Record<string, {text: string, kind: string}>} */
const STATUS = {
  held: { text: "Somebody is at it", kind: "" },
  open: { text: "Open", kind: "plain" },
  waiting: { text: "Waits for another answer", kind: "plain" },
  left: { text: "Left without an answer", kind: "warn" },
};

/** @param {import("../main.js").Page} page @param {string} round */
export async function show({ root, api, shell, signal }, round) {
  const list = h("ul", { class: "cards pictures" });
  const more = h("button", { type: "button", class: "button" }, "Show more");
  const title = h("h1", {}, "Pictures of a round");
  const progress = h("p", { class: "quiet" });
  /** @param {string} after */
  const read = async (after) => {
    more.disabled = true;
    const found = await api.get("/supervision/tasks", { round, after }, signal);
    if (signal.aborted) return;
    fill(title, roundTitle(found.round));
    fill(progress, `Round ${found.round.number}: ${found.round.answered} of ${found.round.total} answered`);
    list.append(...found.tasks.map(card));
    if (!list.children.length) list.replaceWith(nothing("This round has no pictures."));
    more.hidden = found.next === null;
    more.disabled = false;
    more.onclick = () => read(found.next).catch(failed);
    shell.tell(`${counted(found.tasks.length, "picture")} read.`);
  };
  const failed = (/** @type {unknown} */ error) => {
    more.disabled = false;
    shell.fail(error);
  };
  fill(
    root,
    h(
      "div",
      { class: "page supervision" },
      h("header", {}, h("a", { class: "back", href: "#/supervision" }, icon("back"), "Supervision"), title, progress),
      list,
      h("p", { class: "more" }, more),
    ),
  );
  more.hidden = true;
  await read("0");
}

/** @param {Task} task */
function card(task) {
  const status = STATUS[task.status] ?? { text: task.status, kind: "plain" };
  const file = task.image_uri.split("/").pop() ?? "";
  const look = () => ask(() => large(task, file), { label: file, wide: true });
  return h(
    "li",
    { class: "card picture" },
    h("button", { type: "button", class: "look", onclick: look, "aria-label": `Look closely at ${file}` }, drawn(task, layers(task), "")),
    h("header", {}, h("h2", { title: task.image_uri }, file), task.status !== "answered" && h("span", { class: `tag ${status.kind}` }, status.text)),
    said(task),
  );
}

/** @param {Task} task @param {string} file */
function large(task, file) {
  return h(
    "form",
    { method: "dialog", class: "large" },
    h("h2", {}, file),
    drawn(task, layers(task), `${file} with ${counted(layers(task).flatMap(({ boxes }) => boxes).length, "box", "boxes")}`),
    said(task),
    h("footer", {}, h("button", { class: "button main-one", autofocus: true }, "Close")),
  );
}

/** What was drawn: of a verify task what was to be verified first, then every answer with boxes. @param {Task} task */
function layers(task) {
  const asked = task.boxes.length ? [{ by: task.labeled_by.join(", "), boxes: task.boxes }] : [];
  return [...asked, ...task.answers.filter(({ boxes }) => boxes?.length).map(({ by, boxes }) => ({ by, boxes: boxes ?? [] }))];
}

/** @param {Task} task */
function said(task) {
  const colours = layers(task).map(({ by }) => by);
  const key = (/** @type {string} */ by) => colours.includes(by) && h("span", { class: `key by-${colours.indexOf(by) % 4}`, "aria-hidden": "true" });
  const asked = task.boxes.length > 0 && h("li", {}, h("p", {}, key(task.labeled_by.join(", ")), h("b", {}, task.labeled_by.join(", ") || "Somebody"), ` drew ${counted(task.boxes.length, "box", "boxes")}, to be checked`));
  const answers = task.answers.map((answer) =>
    h(
      "li",
      {},
      h("p", {}, answer.boxes?.length ? key(answer.by) : null, h("b", {}, answer.by || "Nobody"), ` ${WHAT[answer.what]?.(answer) ?? answer.what}`),
      answer.reason && h("blockquote", {}, answer.reason),
      h("p", { class: "facts" }, time(answer.at, moment(answer.at)), h("span", {}, answer.seconds === null ? "" : `took ${duration(answer.seconds)}`)),
    ),
  );
  const skipped = task.skipped.map(({ by, at, reason }) =>
    h("li", {}, h("p", {}, h("b", {}, by), " skipped it"), h("blockquote", {}, reason), h("p", { class: "facts" }, time(at, moment(at)))),
  );
  const all = [asked, ...answers, ...skipped].filter(Boolean);
  return all.length ? h("ul", { class: "said" }, all) : null;
}

/** @type {Record<string, (answer: Answer) => string>} */
const WHAT = {
  boxes: ({ boxes }) => `drew ${counted(boxes?.length ?? 0, "box", "boxes")}`,
  nothing: () => "saw nothing here",
  unusable: () => "called it unusable",
  approve: () => "approved it",
  reject: () => "rejected it",
  mend: ({ boxes }) => `mended it, to ${counted(boxes?.length ?? 0, "box", "boxes")}`,
};
