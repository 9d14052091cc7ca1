/** One tab draws at a time: two would send drafts of one task against each other. */

/**
 * Hold the right to draw until the view is left.
 * @param {import("../main.js").Page & {takeOver?: boolean}} page
 * @returns {Promise<boolean>} false where another tab has it
 */
export function holdTab(page) {
  const { signal, me, takeOver = false } = page;
  return new Promise((resolve) => {
    const untilLeft = new Promise((left) => signal.addEventListener("abort", left));
    navigator.locks
      .request(
        `edgeline.work.${me.name}`,
        takeOver ? { steal: true } : { ifAvailable: true },
        async (lock) => {
          resolve(lock !== null);
          if (lock) await untilLeft;
        },
      )
      .catch(() => {
        // Another tab has taken over: this one shows nothing that could be drawn on.
        if (!signal.aborted) location.hash = "#/";
      });
  });
}
