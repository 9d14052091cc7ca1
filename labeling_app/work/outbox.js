/** Answers on their way: kept on this device until the API has taken or refused them, in the order they were given. */

/** @typedef {{id: string, at: number, task: import("./tasks.js").Task, path: string, body: Record<string, any>, refused?: string}} Letter */

const RETRY_MS = 3000;

/** Tells "change" (Event), and "settled" (CustomEvent, detail: {letter, error | null}) for each that is over. */
export class Outbox extends EventTarget {
  /** @param {import("../api.js").Api} api @param {string} who */
  constructor(api, who) {
    super();
    this.api = api;
    this.key = `edgeline.outbox.${who}`;
    this.running = false;
    this.timer = 0;
    /** @type {Letter[] | null} all of them, while the browser's storage is full */
    this.unkept = null;
    addEventListener("online", () => this.send());
    api.addEventListener("connection", () => this.send());
    // Another tab may have sent some.
    addEventListener("storage", ({ key }) => key === this.key && this.changed());
  }

  /** @returns {Letter[]} */
  get letters() {
    return this.unkept ?? JSON.parse(localStorage.getItem(this.key) ?? "[]");
  }

  /** How many the API has not heard of yet. */
  get size() {
    return this.letters.filter((letter) => !letter.refused).length;
  }

  /** Those that the API did not take, to look at. */
  get refused() {
    return this.letters.filter((letter) => letter.refused);
  }

  /** @param {string} taskId */
  has(taskId) {
    return this.letters.some((letter) => letter.task.task_id === taskId);
  }

  /**
   * Keep an answer and send it; over when the API has taken it, or has refused it, or after `waitMs`.
   * @param {Omit<Letter, "at">} letter @param {number} waitMs
   * @returns {Promise<"sent" | "waiting" | Error>}
   */
  post(letter, waitMs) {
    this.write([...this.letters, { ...letter, at: Date.now() }]);
    return new Promise((resolve) => {
      const timer = setTimeout(() => over("waiting"), waitMs);
      const settled = (/** @type {any} */ { detail }) =>
        detail.letter.id === letter.id && over(detail.error ?? "sent");
      const over = (/** @type {"sent" | "waiting" | Error} */ outcome) => {
        clearTimeout(timer);
        this.removeEventListener("settled", settled);
        resolve(outcome);
      };
      this.addEventListener("settled", settled);
      this.send();
    });
  }

  /** Throw away one that was refused. @param {string} id */
  drop(id) {
    this.write(this.letters.filter((letter) => letter.id !== id));
  }

  /** Send all that wait; a bad connection makes it try again later. */
  async send() {
    clearTimeout(this.timer);
    if (this.running) return;
    this.running = true;
    try {
      for (let letter = this.first(); letter; letter = this.first()) await this.deliver(letter);
    } catch {
      this.timer = setTimeout(() => this.send(), RETRY_MS);
    } finally {
      this.running = false;
    }
  }

  /** @private */
  first() {
    return this.letters.find((letter) => !letter.refused);
  }

  /** @private @param {Letter} letter */
  async deliver(letter) {
    let error = null;
    try {
      await this.api.post(letter.path, letter.body, { patience: 1 });
    } catch (caught) {
      error = /** @type {any} */ (caught);
      if (!error.status || error.passing) throw error;
    }
    const others = this.letters.filter((one) => one.id !== letter.id);
    this.write(error ? [...others, { ...letter, refused: error.message }] : others);
    this.dispatchEvent(new CustomEvent("settled", { detail: { letter, error } }));
  }

  /** @private @param {Letter[]} letters */
  write(letters) {
    try {
      localStorage.setItem(this.key, JSON.stringify(letters));
      this.unkept = null;
    } catch {
      this.unkept = letters;
    }
    this.changed();
  }

  /** @private */
  changed() {
    this.dispatchEvent(new Event("change"));
  }
}
