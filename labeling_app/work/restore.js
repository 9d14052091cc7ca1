/** What a picture begins with: what was drawn on it before, or what came with the task. */

import { same } from "../annotation/boxes.js";

/**
 * @param {import("./tasks.js").Task} task @param {import("../annotation/annotation.js").Annotation} annotation
 * @param {ReturnType<import("./drafts.js").Drafts["found"]>} found
 * @returns {boolean} whether somebody had begun to mend what they were to check
 */
export function restore(task, annotation, found) {
  const given = task.kind === "verify" ? (task.boxes ?? []) : [];
  if (found?.marks) annotation.resume(found.marks, task.suggested?.boxes);
  else annotation.start(found?.boxes ?? given, task.suggested?.boxes);
  if (task.kind !== "verify") return false;
  const drawn = annotation.boxes;
  return drawn.length !== given.length || drawn.some((box, index) => !same(box, { ...box, ...given[index] }));
}
