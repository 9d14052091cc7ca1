/**
 * What is drawn, kept while it is drawn: on this device at once, at the API a moment later.
 *
 * Sending a draft renews the task's lease.
 */

import { same } from "../annotation/boxes.js";

/** @typedef {import("../annotation/annotation.js").Mark} Mark */
/** @typedef {{task: string, marks: Mark[], at: number, sent: boolean, savedAt?: string}} Kept */

const DELAY_MS = 1200;
const RETRY_MS = 5000;
const PREFIX = "edgeline.draft.";
const OLD_MS = 14 * 86_400_000;

/** Tells "state" (CustomEvent, detail: "saved" | "saving" | "kept" | "lost" | "over", with the API's message). */
export class Drafts extends EventTarget {
  /** @param {import("../api.js").Api} api @param {string} who */
  constructor(api, who) {
    super();
    this.api = api;
    this.who = who;
    /** @type {{task: import("./tasks.js").Task, annotation: import("../annotation/annotation.js").Annotation} | null} */
    this.current = null;
    this.timer = 0;
    this.sending = false;
    this.sequence = 0;
    forgetOld();
  }

  /** What was drawn on a task before, here or elsewhere; null where nothing was. @param {import("./tasks.js").Task} task
   *  @returns {{marks: Mark[] | null, boxes: import("../annotation/boxes.js").Box[] | null} | null} */
  found(task) {
    const kept = this.read(task.task_id);
    const elsewhere = task.draft;
    if (
      elsewhere &&
      (!kept || (elsewhere.saved_at !== kept.savedAt && Date.parse(elsewhere.saved_at) > kept.at))
    )
      return { marks: null, boxes: elsewhere.boxes };
    return kept ? { marks: kept.marks, boxes: null } : null;
  }

  /** Keep this task's drawing from now on. @param {import("./tasks.js").Task} task
   *  @param {import("../annotation/annotation.js").Annotation} annotation @param {AbortSignal} signal */
  follow(task, annotation, signal) {
    this.current = { task, annotation };
    this.sequence = Math.max(Date.now(), (task.draft?.sequence ?? 0) + 1);
    annotation.addEventListener("edit", () => this.note(), { signal });
    signal.addEventListener("abort", () => this.leave());
  }

  /** Send what is not sent yet, even while the page goes away. @param {{keepalive?: boolean}} [options] */
  async flush({ keepalive = false } = {}) {
    clearTimeout(this.timer);
    const kept = this.current && this.read(this.current.task.task_id);
    if (kept && !kept.sent) await this.send(keepalive);
  }

  /** Say that somebody is still there. */
  async renew() {
    if (this.current && !this.sending) await this.send(false);
  }

  /** The task is answered: nothing is left to keep. @param {string} taskId */
  forget(taskId) {
    if (this.current?.task.task_id === taskId) this.leave();
    localStorage.removeItem(this.key(taskId));
  }

  /** Keep nothing more of it: it is somebody else's. */
  leave() {
    clearTimeout(this.timer);
    this.current = null;
  }

  /** @private */
  note() {
    if (!this.current) return;
    this.write(false);
    this.tell("saving");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(false), DELAY_MS);
  }

  /** @private @param {boolean} keepalive */
  async send(keepalive) {
    const current = this.current;
    if (!current) return;
    if (this.sending && !keepalive) {
      this.timer = setTimeout(() => this.send(false), DELAY_MS);
      return;
    }
    const { task, annotation } = current;
    const boxes = annotation.boxes;
    this.sending = true;
    try {
      this.sequence = Math.max(this.sequence + 1, Date.now());
      const answer = await this.api.put(
        `/tasks/${task.task_id}/draft`,
        { boxes, sequence: this.sequence },
        { keepalive, patience: 0 },
      );
      task.leased_until = answer.leased_until ?? task.leased_until;
      if (this.current === current) this.sent(boxes, answer.saved_at);
    } catch (error) {
      if (this.current === current) this.failed(/** @type {any} */ (error));
    } finally {
      this.sending = false;
    }
  }

  /** @private @param {import("../annotation/boxes.js").Box[]} boxes @param {string} savedAt */
  sent(boxes, savedAt) {
    const now = this.current?.annotation.boxes ?? [];
    const all = boxes.length === now.length && boxes.every((box, index) => same(box, now[index]));
    this.write(all, savedAt);
    this.tell(all ? "saved" : "saving");
  }

  /** @private @param {{status?: number, passing?: boolean, message: string}} error */
  failed(error) {
    if (error.status === 403) return this.tell("lost", error.message);
    if (error.status === 404 || error.status === 409) return this.tell("over", error.message);
    this.tell("kept", error.message);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(false), RETRY_MS);
  }

  /** @private @param {string} state @param {string} [message] */
  tell(state, message = "") {
    this.dispatchEvent(new CustomEvent("state", { detail: { state, message } }));
  }

  /** @private @param {boolean} sent @param {string} [savedAt] */
  write(sent, savedAt) {
    if (!this.current) return;
    const { task, annotation } = this.current;
    const before = this.read(task.task_id);
    /** @type {Kept} */
    const kept = {
      task: task.task_id,
      marks: [...annotation.marks],
      at: this.api.now(),
      sent,
      savedAt: savedAt ?? before?.savedAt ?? task.draft?.saved_at,
    };
    try {
      localStorage.setItem(this.key(task.task_id), JSON.stringify(kept));
    } catch {
      // A full or forbidden store: the API has it a second later.
    }
  }

  /** @private @param {string} taskId @returns {Kept | null} */
  read(taskId) {
    try {
      return JSON.parse(localStorage.getItem(this.key(taskId)) ?? "null");
    } catch {
      return null;
    }
  }

  /** @private @param {string} taskId */
  key(taskId) {
    return `${PREFIX}${this.who}.${taskId}`;
  }
}

function forgetOld() {
  for (const key of Object.keys(localStorage).filter((one) => one.startsWith(PREFIX))) {
    if (Date.now() - whenKept(key) > OLD_MS) localStorage.removeItem(key);
  }
}

/** @param {string} key @returns {number} 0 for what cannot be read */
function whenKept(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}").at ?? 0;
  } catch {
    return 0;
  }
}
