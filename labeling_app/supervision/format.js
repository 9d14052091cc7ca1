/** Numbers and times as people read them; what is not known is a dash. */

const NONE = "–";
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const NEAR = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** @param {number | null | undefined} share 0 to 1 @returns {string} whole percent */
export function percent(share) {
  return share === null || share === undefined ? NONE : `${Math.round(share * 100)} %`;
}

/** @param {number | null | undefined} value @param {number} [digits] */
export function decimal(value, digits = 2) {
  return value === null || value === undefined ? NONE : value.toFixed(digits);
}

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** @param {string} iso */
export function moment(iso) {
  return MOMENT.format(new Date(iso));
}

/** How far away, as "in 3 hours". @param {string} iso @param {number} [now] */
export function away(iso, now = Date.now()) {
  const minutes = Math.round((new Date(iso).getTime() - now) / 60_000);
  if (Math.abs(minutes) < 90) return NEAR.format(minutes, "minute");
  if (Math.abs(minutes) < 36 * 60) return NEAR.format(Math.round(minutes / 60), "hour");
  return NEAR.format(Math.round(minutes / 1440), "day");
}

/** @type {Record<string, string>} */
const KIND = { label: "Labeling", verify: "Verifying", settle: "Settling" };

/** What a round asks of people, as "Labeling tags". @param {{kind: string, model: string}} round */
export function roundTitle({ kind, model }) {
  return `${KIND[kind] ?? kind} ${model}`;
}
