/** The tasks that this person holds: the one that is shown, and the next, fetched while they draw. */

/**
 * @typedef {import("../annotation/boxes.js").Box} Box
 * @typedef {object} Task
 * @property {string} task_id
 * @property {"label" | "verify" | "settle"} kind
 * @property {string} model
 * @property {string} round
 * @property {string} image_url
 * @property {number} width
 * @property {number} height
 * @property {string[]} classes
 * @property {string} leased_until
 * @property {Box[]} [boxes]
 * @property {{by: string, boxes: Box[]}[]} [candidates]
 * @property {{boxes: (Box & {score: number})[], model_package_arn: string}} [suggested]
 * @property {{boxes: Box[], reason: string}} [rejected]
 * @property {{boxes: Box[], saved_at: string, sequence?: number}} [draft]
 */

const HELD = 2;
const AGAIN_MS = 2000;
/** A task whose lease or picture's address is about to end is claimed again before it is shown. */
const FRESH_MS = 120_000;

/** Claims tasks of one kind, in one round where `round` names it. */
export class Tasks {
  /** @param {import("../api.js").Api} api @param {import("./outbox.js").Outbox} outbox
   *  @param {{kind: string, round?: string}} wanted @param {AbortSignal} signal */
  constructor(api, outbox, wanted, signal) {
    this.api = api;
    this.outbox = outbox;
    this.wanted = wanted;
    this.signal = signal;
    /** @type {Task[]} */
    this.waiting = [];
    /** @type {Promise<void> | null} */
    this.claiming = null;
    /** @type {Set<string>} answered, skipped or lost here: not to be shown again */
    this.done = new Set();
  }

  /** @returns {Promise<Task | null>} the next one; null where there is none */
  async next() {
    if (!this.waiting.some((task) => this.fresh(task))) await this.claim();
    return this.waiting.shift() ?? null;
  }

  /** The same, waiting for a bad connection to come back. @param {(message: string) => void} say what is waited for
   *  @returns {Promise<Task | null>} */
  async nextPatiently(say) {
    while (!this.signal.aborted) {
      try {
        return await this.next();
      } catch (error) {
        const { passing, message } = /** @type {any} */ (error);
        if (!passing) throw error;
        say(`${message} The next picture comes as soon as it is back.`);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
    return null;
  }

  /** Have the next one ready, and its picture. */
  async prefetch() {
    await this.claim().catch(() => undefined);
    if (this.waiting[0]) new Image().src = this.waiting[0].image_url;
  }

  /** @param {string} taskId never to be shown again */
  finish(taskId) {
    this.done.add(taskId);
    this.waiting = this.waiting.filter((task) => task.task_id !== taskId);
  }

  /** The task once more, with a new lease and address; null where it is somebody else's now. @param {Task} task */
  async again(task) {
    // What is one's own comes first; more would be held for nobody.
    const { tasks } = await this.request(HELD + 1 + this.outbox.size);
    return /** @type {Task[]} */ (tasks).find((one) => one.task_id === task.task_id) ?? null;
  }

  /** Give back what has not been shown. */
  giveBack() {
    for (const task of this.waiting.splice(0)) {
      this.api
        .post(`/tasks/${task.task_id}/release`, {}, { keepalive: true, patience: 0 })
        .catch(() => undefined);
    }
  }

  /** @private */
  claim() {
    this.claiming ??= this.refill().finally(() => (this.claiming = null));
    return this.claiming;
  }

  /** @private */
  async refill() {
    const { tasks } = await this.request(HELD + this.outbox.size);
    this.waiting = /** @type {Task[]} */ (tasks).filter(
      (task) => !this.done.has(task.task_id) && !this.outbox.has(task.task_id) && task.task_id !== this.shown,
    );
  }

  /** @private @param {number} limit */
  request(limit) {
    return this.api.post(
      "/tasks/claim",
      { ...this.wanted, limit: Math.min(limit, 50) },
      { signal: this.signal },
    );
  }

  /** @private @param {Task} task */
  fresh(task) {
    return Date.parse(task.leased_until) - this.api.now() > FRESH_MS;
  }

  /** @type {string | null} the one that is shown, which a claim names again */
  shown = null;
}
