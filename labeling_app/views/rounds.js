/** The rounds that are open, and how far they are. */

/** @param {import("../main.js").Page} page */
export async function show({ root }) {
  root.textContent = "";
}
