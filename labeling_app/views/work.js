/** Drawing and checking, one picture after the other: `#/work/<kind>/<round>`. */

import { Annotation } from "../annotation/annotation.js";
import { listen } from "../annotation/keyboard.js";
import { askReason } from "../dialogs.js";
import { fill } from "../dom.js";
import { answerOf, problemOf } from "../work/answers.js";
import { offered, showAnswers } from "../work/bar.js";
import { Desk } from "../work/desk.js";
import { Drafts } from "../work/drafts.js";
import { showEnd, showOtherTab } from "../work/endings.js";
import { showGuide, showKeys } from "../work/guide.js";
import { cover, layOut, showState, showTool } from "../work/layout.js";
import { Lease } from "../work/lease.js";
import { nextCandidate } from "../work/notes.js";
import { holdTab } from "../work/one_tab.js";
import { Panel } from "../work/panel.js";
import { Presence } from "../work/presence.js";
import { Progress } from "../work/progress.js";
import { QUESTIONS } from "../work/reasons.js";
import { restore } from "../work/restore.js";
import { Tasks } from "../work/tasks.js";

/** How long the next picture waits for the answer to be taken; after that it is sent in the background. */
const PATIENCE_MS = 2500;
/** @type {Record<string, string>} */
const TITLES = { label: "Draw", verify: "Check", settle: "Last word" };

/** @param {import("../main.js").Page} page */
export async function show(page) {
  const [kind, round] = page.rest;
  if (!(kind in TITLES)) throw new Error(`There is no such work: ${kind}.`);
  const held = await holdTab(page);
  if (held) await new Work(page, kind, round).next();
  else showOtherTab(page, () => show(page));
}

class Work {
  /** @param {import("../main.js").Page} page @param {string} kind @param {string | undefined} round */
  constructor(page, kind, round) {
    const { api, me, shell, signal, outbox } = page;
    this.page = page;
    this.kind = kind;
    this.round = round;
    this.places = layOut(TITLES[kind], (command) => this.run(command));
    fill(page.root, this.places.root);
    this.desk = new Desk(this.places.stage, (text) => shell.tell(text), signal);
    this.panel = new Panel(this.places.panel, this.desk, () => this.run("guide"));
    this.tasks = new Tasks(api, outbox, { kind, ...(round && { round }) }, signal);
    this.drafts = new Drafts(api, me.name);
    this.presence = new Presence(signal);
    this.lease = new Lease(this.presence, this.drafts, shell, me.lease_seconds);
    this.progress = new Progress(api, this.places, signal);
    /** @type {import("../work/tasks.js").Task | null} */
    this.task = null;
    this.annotation = this.desk.annotation;
    this.taskEnd = new AbortController();
    /** @type {import("../work/bar.js").Mode} */
    this.mode = "busy";
    this.listen(signal);
  }

  /** @private @param {AbortSignal} signal */
  listen(signal) {
    listen((command, key) => this.run(command, key), signal);
    this.drafts.addEventListener(
      "state",
      (event) => this.drafted(/** @type {CustomEvent} */ (event).detail),
      { signal },
    );
    this.desk.addEventListener("tool", () => showTool(this.places, this.desk), { signal });
    const leave = () => this.drafts.flush({ keepalive: true });
    const close = () => {
      leave();
      this.tasks.giveBack();
    };
    addEventListener("pagehide", close, { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave(), {
      signal,
    });
    signal.addEventListener("abort", () => {
      close();
      this.taskEnd.abort();
      this.dropNotices();
    });
  }

  /** Show the next task, or that there is none. */
  async next() {
    this.taskEnd.abort();
    this.taskEnd = new AbortController();
    this.task = this.tasks.shown = null;
    this.turn("busy");
    cover(this.places, "Fetching the next picture …");
    const task = await this.tasks.nextPatiently((message) => cover(this.places, message));
    if (this.page.signal.aborted) return;
    if (!task) return this.end();
    this.task = task;
    this.tasks.shown = task.task_id;
    await this.begin(task);
  }

  /** @private @param {import("../work/tasks.js").Task} task */
  async begin(task) {
    const { signal } = this.taskEnd;
    const annotation = new Annotation({ width: task.width, height: task.height }, task.classes);
    if (task.classes.includes(this.annotation.label)) annotation.label = this.annotation.label;
    this.annotation = annotation;
    const mending = restore(task, annotation, this.drafts.found(task));
    annotation.readOnly = task.kind === "verify" && !mending;
    this.drafts.follow(task, annotation, signal);
    annotation.addEventListener("edit", () => this.page.shell.drop("hint"), { signal });
    showState(this.places, "new");
    this.presence.restart();
    this.lease.watch(task, signal);
    this.progress.show(task);
    await this.open(task);
    if (signal.aborted) return;
    this.panel.show(task, annotation, signal);
    if (this.mode === "busy") this.turn(mending ? "mend" : task.kind);
    this.places.stage.focus({ preventScroll: true });
    this.tasks.prefetch();
  }

  /** @private @param {import("../work/tasks.js").Task} task */
  async open(task) {
    const { signal } = this.taskEnd;
    try {
      await this.desk.show(task, this.annotation, signal);
      cover(this.places, "");
    } catch (error) {
      if (signal.aborted) return;
      cover(this.places, "The picture cannot be shown. It may have been deleted, or the connection is bad.");
      this.turn("broken");
    }
  }

  /** Do what a key or a button means. @param {string} command @param {string} [key] @returns {boolean} */
  run(command, key) {
    if (command === "guide") showGuide(this.task, this.page.me.models);
    else if (command === "help") showKeys();
    else if (command === "numbers") this.panel.focusNumbers();
    else if (command === "candidate" && this.mode === "settle") nextCandidate(this.places.panel);
    else if (offered(this.mode, command)) this.answer(command).catch((error) => this.page.shell.fail(error));
    else return this.mode !== "busy" && this.desk.run(command, key);
    return true;
  }

  /** @private @param {string} command */
  async answer(command) {
    const { task, annotation, mode } = this;
    if (!task) return;
    if (command === "onward") return this.onward(task);
    if (command === "retry") return this.retry(task);
    if (command === "mend") return this.toggleMending(task);
    const problem = problemOf(command, mode, annotation);
    if (problem) return this.page.shell.notice("hint", problem, { closable: true, kind: "warn" });
    const question = QUESTIONS[command];
    const reason = question ? await askReason(question) : null;
    if (question && !reason) return;
    await this.send(task, command, answerOf(command, mode, annotation, reason ?? "", this.presence.seconds));
  }

  /** @private @param {import("../work/tasks.js").Task} task @param {string} command @param {Record<string, any>} body */
  async send(task, command, body) {
    const { mode } = this;
    this.turn("busy");
    const id = body.answer_id ?? crypto.randomUUID();
    const path = `/tasks/${task.task_id}/${command === "skip" ? "skip" : "answer"}`;
    const outcome = await this.page.outbox.post({ id, task, path, body }, PATIENCE_MS);
    if (outcome instanceof Error) {
      this.page.outbox.drop(id);
      const status = /** @type {any} */ (outcome).status;
      if ([403, 404, 409].includes(status)) return this.lose(outcome.message);
      this.turn(mode);
      return this.page.shell.fail(outcome);
    }
    this.progress.count(command !== "skip");
    await this.onward(task);
  }

  /** Leave a task that is done with. @private @param {import("../work/tasks.js").Task} task */
  async onward(task) {
    this.tasks.finish(task.task_id);
    this.drafts.forget(task.task_id);
    this.dropNotices();
    await this.next();
  }

  /** @private @param {import("../work/tasks.js").Task} task */
  async retry(task) {
    this.turn("busy");
    const again = await this.tasks.again(task);
    if (again) await this.begin((this.task = again));
    else await this.onward(task);
  }

  /** @private @param {import("../work/tasks.js").Task} task */
  toggleMending(task) {
    const mending = this.mode === "verify";
    if (!mending) {
      this.annotation.start(task.boxes ?? []);
      this.annotation.dispatchEvent(new Event("edit"));
    }
    this.annotation.readOnly = !mending;
    this.turn(mending ? "mend" : "verify");
    this.panel.render();
    this.desk.layer.redraw();
    this.page.shell.tell(mending ? "You can change the boxes now." : "The boxes are as they were.");
  }

  /** The task is somebody else's or over: what was drawn stays to look at. @private @param {string} message */
  lose(message) {
    if (!this.task) return;
    this.annotation.readOnly = true;
    this.drafts.leave();
    this.lease.stop();
    this.turn("lost");
    this.panel.render();
    this.desk.layer.redraw();
    this.page.shell.notice("lost", `${message} What you drew stays here to look at.`, { kind: "bad" });
  }

  /** @private @param {{state: string, message: string}} detail */
  drafted({ state, message }) {
    if (state === "lost" || state === "over") return this.lose(message);
    showState(this.places, state);
  }

  /** @private @param {import("../work/bar.js").Mode} mode */
  turn(mode) {
    this.mode = mode;
    this.places.root.dataset.mode = mode;
    showAnswers(this.places.bar, mode, (command) => this.run(command));
  }

  /** @private */
  dropNotices() {
    for (const name of ["lost", "lease", "hint", "error"]) this.page.shell.drop(name);
  }

  /** @private */
  end() {
    this.dropNotices();
    return showEnd(this.page, this.kind, this.progress.answeredHere);
  }
}
