/** The keys of the drawing view: which command a key is, and how the keys are told. */

/** @typedef {{keys: string[], shown: string, text: string}} Command */

/** @type {Record<string, Record<string, Command>>} headings, each with its commands */
export const COMMANDS = {
  Draw: {
    create: { keys: ["n"], shown: "N", text: "New box in the middle of what is seen" },
    next: { keys: ["b", "PageDown"], shown: "B", text: "Next box" },
    previous: { keys: ["Shift+B", "PageUp"], shown: "Shift B", text: "Previous box" },
    left: { keys: ["ArrowLeft"], shown: "← ↑ ↓ →", text: "Move the box (none selected: move the picture)" },
    right: { keys: ["ArrowRight"], shown: "", text: "" },
    up: { keys: ["ArrowUp"], shown: "", text: "" },
    down: { keys: ["ArrowDown"], shown: "", text: "" },
    narrower: {
      keys: ["Shift+ArrowLeft"],
      shown: "Shift ← ↑ ↓ →",
      text: "Make the box narrower, lower, higher, wider",
    },
    wider: { keys: ["Shift+ArrowRight"], shown: "", text: "" },
    lower: { keys: ["Shift+ArrowUp"], shown: "", text: "" },
    higher: { keys: ["Shift+ArrowDown"], shown: "", text: "" },
    finer: { keys: [",", "["], shown: ",", text: "Smaller steps: 100, 20, 5, 1 pixels" },
    coarser: { keys: [".", "]"], shown: ".", text: "Larger steps" },
    numbers: { keys: ["g"], shown: "G", text: "Type the box's numbers; Enter goes back to the picture" },
    label: {
      keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
      shown: "1 – 9",
      text: "Class of the box, and of the next one",
    },
    nextClass: { keys: ["l"], shown: "L", text: "Next class" },
    previousClass: { keys: ["Shift+L"], shown: "Shift L", text: "Previous class" },
    remove: { keys: ["Delete", "Backspace"], shown: "Del", text: "Delete the box" },
    undo: { keys: ["Ctrl+z", "u"], shown: "Ctrl Z", text: "Undo" },
    redo: { keys: ["Ctrl+Shift+Z", "Ctrl+y", "Shift+U"], shown: "Ctrl Y", text: "Redo" },
    accept: { keys: ["a"], shown: "A", text: "Accept the suggestion" },
    acceptAll: { keys: ["Shift+A"], shown: "Shift A", text: "Accept all suggestions" },
    letGo: { keys: ["Escape"], shown: "Esc", text: "Let go of the box" },
  },
  See: {
    zoomIn: { keys: ["+", "="], shown: "+", text: "Zoom in" },
    zoomOut: { keys: ["-"], shown: "−", text: "Zoom out" },
    fit: { keys: ["0"], shown: "0", text: "The whole picture" },
    pan: { keys: ["h"], shown: "H", text: "Drag moves the picture, or draws" },
    guide: { keys: ["i"], shown: "I", text: "What to mark: instructions and examples" },
    help: { keys: ["?", "F1"], shown: "?", text: "These keys" },
  },
  Answer: {
    done: { keys: ["Enter"], shown: "Enter", text: "Done; in a check: approve" },
    nothing: { keys: ["e"], shown: "E", text: "Nothing here" },
    reject: { keys: ["r"], shown: "R", text: "Reject (in a check)" },
    mend: { keys: ["m"], shown: "M", text: "Mend (in a check)" },
    candidate: { keys: ["c"], shown: "C", text: "Next candidate (in a last word)" },
    skip: { keys: ["s"], shown: "S", text: "Skip, with a reason" },
    unusable: { keys: ["x"], shown: "X", text: "Unusable, with a reason" },
  },
};

const SWITCH = "edgeline.single-keys";
const BY_KEY = new Map(
  Object.values(COMMANDS).flatMap((group) =>
    Object.entries(group).flatMap(([name, { keys }]) => keys.map((key) => [key, name])),
  ),
);

/** Whether keys without Ctrl do something; who dictates or uses other tools can turn it off. */
export const singleKeys = {
  get on() {
    return localStorage.getItem(SWITCH) !== "off";
  },
  set on(value) {
    localStorage.setItem(SWITCH, value ? "on" : "off");
  },
};

/**
 * Call `run(command, key)` for each key that means something; it returns false where it does not here.
 * @param {(command: string, key: string) => boolean | void} run @param {AbortSignal} signal
 */
export function listen(run, signal) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
      const command = commandOf(event);
      // A key that is held down would answer pictures that nobody has looked at.
      if (command && event.repeat && command in COMMANDS.Answer) return event.preventDefault();
      if (command && run(command, event.key) !== false) event.preventDefault();
    },
    { signal },
  );
}

/** @param {KeyboardEvent} event */
function commandOf(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const held = event.ctrlKey || event.metaKey;
  if (target.matches("input:not([type=radio], [type=checkbox]), textarea, select")) return undefined;
  if (target.matches("button, a, summary") && ["Enter", " "].includes(event.key)) return undefined;
  if (target.matches("[type=radio]") && event.key.startsWith("Arrow")) return undefined;
  if (!held && !singleKeys.on && event.key.length === 1) return undefined;
  const letter =
    event.key.length === 1 ? (event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase()) : event.key;
  // On many keyboards [ ] + ? are typed with Shift: the sign counts.
  const shifted = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key));
  return BY_KEY.get(`${held ? "Ctrl+" : ""}${shifted ? "Shift+" : ""}${letter}`);
}
