/** The lease of the task that is shown: renewed while somebody is there, counted down while nobody is. */

const SHARE = 1 / 3;
const LAST_MS = 60_000;
const RETRY_MS = 5000;

/** Keeps a task for a person who looks at it without drawing. */
export class Lease {
  /** @param {import("./presence.js").Presence} presence @param {import("./drafts.js").Drafts} drafts
   *  @param {import("../shell.js").Shell} shell @param {number} seconds */
  constructor(presence, drafts, shell, seconds) {
    this.presence = presence;
    this.drafts = drafts;
    this.shell = shell;
    this.length = seconds * 1000;
    this.tried = 0;
    this.warned = false;
    /** @type {import("./tasks.js").Task | null} */
    this.task = null;
  }

  /** @param {import("./tasks.js").Task} task @param {AbortSignal} signal */
  watch(task, signal) {
    this.task = task;
    this.warned = false;
    this.presence.addEventListener("tick", () => this.tick(), { signal });
    signal.addEventListener("abort", () => this.stop());
  }

  stop() {
    this.task = null;
    this.shell.drop("lease");
  }

  /** @private */
  tick() {
    if (!this.task) return;
    const left = Date.parse(this.task.leased_until) - this.drafts.api.now();
    if (this.presence.here && left < this.length * (1 - SHARE) && Date.now() - this.tried > RETRY_MS) {
      this.tried = Date.now();
      this.drafts.renew();
    }
    const ending = left < Math.min(LAST_MS, this.length / 4);
    if (ending && !this.warned) this.warn();
    if (!ending && this.warned) this.shell.drop("lease");
    this.warned = ending;
  }

  /** @private */
  warn() {
    this.shell.notice(
      "lease",
      "Are you still there? This picture soon goes to somebody else; what you drew is kept.",
      {
        kind: "warn",
        action: "I am here",
        act: () => this.drafts.renew(),
      },
    );
  }
}
