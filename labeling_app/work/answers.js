/** What is sent for an answer, and what stands against sending it. */

import { counted } from "../dom.js";

/**
 * @param {string} command @param {import("./bar.js").Mode} mode @param {import("../annotation/annotation.js").Annotation} annotation
 * @returns {string | null} one line for the person; null where all is well
 */
export function problemOf(command, mode, annotation) {
  if (!["label", "settle", "mend"].includes(mode) || !["done", "nothing"].includes(command)) return null;
  const { open, boxes } = annotation;
  if (open.length)
    return `${counted(open.length, "suggestion waits", "suggestions wait")} for your word: accept, move or delete ${open.length === 1 ? "it" : "each"}.`;
  if (command === "done" && !boxes.length) return "There is no box. Draw one, or say “Nothing here”.";
  if (command === "nothing" && boxes.length)
    return `There ${boxes.length === 1 ? "is a box" : "are boxes"} on the picture. Delete ${boxes.length === 1 ? "it" : "them"} first if there is nothing here.`;
  return null;
}

/**
 * @param {string} command @param {import("./bar.js").Mode} mode @param {import("../annotation/annotation.js").Annotation} annotation
 * @param {string} reason @param {number} seconds
 * @returns {Record<string, any>} the request's body
 */
export function answerOf(command, mode, annotation, reason, seconds) {
  if (command === "skip") return { reason };
  const tally = annotation.tally();
  return {
    ...contentOf(command, mode, annotation, reason),
    ...(tally && command !== "unusable" && { suggestions: tally }),
    seconds: Math.min(seconds, 86_400),
    answer_id: crypto.randomUUID(),
  };
}

/** @param {string} command @param {import("./bar.js").Mode} mode @param {import("../annotation/annotation.js").Annotation} annotation @param {string} reason */
function contentOf(command, mode, annotation, reason) {
  if (command === "unusable") return { unusable: reason };
  if (command === "reject") return { verdict: "reject", reason };
  if (mode === "mend") return { verdict: "mend", boxes: annotation.boxes };
  if (mode === "verify") return { verdict: "approve" };
  return { boxes: annotation.boxes };
}
