/** How far the round is, in the drawing view. */

import { fill, h } from "../dom.js";

const REFRESH_EVERY = 5;

/** Counts on by itself, and asks the API now and then. */
export class Progress {
  /** @param {import("../api.js").Api} api @param {import("./layout.js").Layout} places @param {AbortSignal} signal */
  constructor(api, places, signal) {
    this.api = api;
    this.places = places;
    this.signal = signal;
    /** @type {{round: string, number: number, total: number, answered: number} | null} */
    this.round = null;
    this.answeredHere = 0;
    this.since = 0;
  }

  /** @param {import("./tasks.js").Task} task */
  show(task) {
    if (this.round?.round !== task.round || this.since >= REFRESH_EVERY) this.refresh(task.round);
    else this.render();
  }

  /** One more is done. @param {boolean} answered */
  count(answered) {
    this.since += 1;
    if (!answered) return;
    this.answeredHere += 1;
    if (this.round) this.round.answered = Math.min(this.round.answered + 1, this.round.total);
  }

  /** @private @param {string} id */
  async refresh(id) {
    this.since = 0;
    try {
      const { rounds } = await this.api.get("/rounds", undefined, this.signal);
      this.round = rounds.find((/** @type {any} */ { round }) => round === id) ?? null;
      this.render();
    } catch {
      // Where one is in the round is not worth a message; the connection's notice is enough.
    }
  }

  /** @private */
  render() {
    if (!this.round) return;
    const { number, answered, total } = this.round;
    fill(this.places.place, h("span", {}, `Round ${number} · `), `${answered} of ${total} done`);
    this.places.progress.max = Math.max(total, 1);
    this.places.progress.value = answered;
  }
}
