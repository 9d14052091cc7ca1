/** Whether the person is there: how long they have worked on a picture, and when its lease has to be renewed. */

const AWAY_MS = 60_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel"];

/** Tells "tick" (Event) every second while its view is shown. */
export class Presence extends EventTarget {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    super();
    this.seconds = 0;
    this.seen = Date.now();
    for (const sign of SIGNS)
      document.addEventListener(sign, () => (this.seen = Date.now()), {
        signal,
        passive: true,
        capture: true,
      });
    const timer = setInterval(() => this.tick(), 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Whether they have done something in the last minute, with the page in sight. */
  get here() {
    return document.visibilityState === "visible" && Date.now() - this.seen < AWAY_MS;
  }

  /** Count anew, for the next picture. */
  restart() {
    this.seconds = 0;
  }

  /** @private */
  tick() {
    if (this.here) this.seconds += 1;
    this.dispatchEvent(new Event("tick"));
  }
}
