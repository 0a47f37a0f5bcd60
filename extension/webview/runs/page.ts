/** The page around the plots: which run, how far, its last values, what went wrong, and what one can do about it. */

import type { MetricValue, Run } from "../../src/protocol";
import { element, format } from "../shared/dom";
import { Controls, describeRun } from "./controls";
import { LogTail } from "./logTail";
import { type Advice, type Comparison, type FromPage, isActive, type NamedRun, nameOf, type Strings } from "./messages";
import { formatSeconds, formatValue } from "./series";

export class Page {
  /** Where the plots go. */
  readonly plots = element("div", { className: "plots" });
  /** How they are drawn. */
  readonly controls: Controls;
  private readonly name = element("h1");
  private readonly note = element("p", { className: "note" });
  private readonly logTail: LogTail;
  private readonly state = element("span", { className: "state", attributes: { role: "status" } });
  private readonly picker = element("select");
  private readonly stop = element("button", { className: "primary" });
  private readonly pause: HTMLButtonElement;
  private readonly goOn: HTMLButtonElement;
  /** What is done with the best checkpoint. */
  private readonly uses: readonly HTMLButtonElement[];
  private readonly log: HTMLButtonElement;
  private readonly advice = element("section", { className: "advice" });
  private readonly comparison = element("section", { className: "comparison" });
  private readonly bar = element("progress");
  private readonly facts = element("p", { className: "facts" });
  private readonly failure = element("section", { className: "failure", attributes: { role: "alert" } });
  private readonly table = element("tbody");
  private readonly waiting = element("p", { className: "waiting" });
  private readonly shown: HTMLElement;
  private readonly message = element("div", { className: "message" });
  private folder: string | null = null;
  private stopping: string | null = null;

  constructor(
    parent: HTMLElement,
    private readonly strings: Strings,
    private readonly post: (message: FromPage) => void,
    redraw: () => void,
  ) {
    this.controls = new Controls(strings, redraw, (other) => {
      this.showComparison(undefined);
      if (this.folder !== null && other !== "") {
        post({ type: "compare", folder: this.folder, other });
      }
    });
    this.stop.textContent = strings.stop;
    const toDo = (type: "pause" | "continue" | "export" | "explain" | "graph" | "log") => {
      const button = element("button", { textContent: strings[type] });
      button.addEventListener("click", () => this.folder && post({ type, folder: this.folder }));
      return button;
    };
    this.log = toDo("log");
    this.pause = toDo("pause");
    this.goOn = toDo("continue");
    this.logTail = new LogTail(strings.logTail, () => this.askForLog());
    this.uses = [toDo("export"), toDo("explain"), toDo("graph")];
    this.picker.setAttribute("aria-label", strings.run);
    this.bar.setAttribute("aria-label", strings.title);
    this.picker.addEventListener("change", () => post({ type: "select", folder: this.picker.value }));
    this.stop.addEventListener("click", () => this.askToStop());
    const head = [strings.metric, strings.last, strings.best].map((text) =>
      element("th", { textContent: text, attributes: { scope: "col" } }),
    );
    this.shown = element(
      "div",
      {},
      element(
        "header",
        {},
        element("div", { className: "title" }, this.name, this.state),
        element("div", { className: "actions" }, this.picker, this.pause, this.goOn, this.stop, ...this.uses, this.log),
      ),
      this.note,
      this.bar,
      this.facts,
      this.failure,
      this.logTail.root,
      this.advice,
      this.waiting,
      this.controls.bar,
      this.plots,
      this.comparison,
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), this.table),
    );
    this.showAdvice([]);
    this.showComparison(undefined);
    parent.replaceChildren(this.shown, this.message);
  }

  showRuns(runs: readonly NamedRun[], selected: string | null): void {
    const options = runs.map(({ folder, run }) => {
      return element("option", { value: folder, textContent: describeRun(run), selected: folder === selected });
    });
    // An open list would close if it were replaced, and most changes do not concern it.
    if (options.map(describeOption).join() !== [...this.picker.options].map(describeOption).join()) {
      this.picker.replaceChildren(...options);
    }
    this.picker.value = selected ?? "";
    const isOther = this.folder !== selected;
    this.folder = selected;
    if (isOther && this.logTail.isOpen) {
      this.logTail.show("");
      this.askForLog();
    }
    this.controls.offer(runs, selected);
    const run = runs.find(({ folder }) => folder === selected)?.run;
    this.shown.hidden = run === undefined;
    this.message.hidden = run !== undefined;
    if (run === undefined) {
      this.showEmpty();
    } else {
      this.showRun(run);
    }
  }

  showRun(run: Run): void {
    const { strings } = this;
    this.name.textContent = nameOf(run);
    this.note.textContent = run.note;
    this.note.hidden = run.note === "";
    this.state.textContent = strings.states[run.state];
    this.state.className = `state ${run.state}`;
    this.bar.max = Math.max(1, run.total_steps);
    this.bar.value = run.state === "completed" ? this.bar.max : run.last_step;
    this.facts.textContent = this.describe(run);
    if (!isActive(run)) {
      this.stopping = null;
    }
    this.stop.hidden = !isActive(run) || run.kind === "attached";
    this.log.hidden = this.logTail.root.hidden = run.kind === "attached";
    this.pause.hidden = run.kind !== "train" || run.state !== "running" || run.last_step === 0;
    this.goOn.hidden = run.state !== "paused";
    this.stop.disabled = this.stopping === this.folder;
    this.stop.textContent = this.stop.disabled ? strings.stopping : strings.stop;
    for (const button of this.uses) {
      button.hidden = run.kind !== "train" || isActive(run) || run.last_step === 0;
    }
    this.waiting.hidden = !isActive(run) || run.last_step > 0;
    this.waiting.textContent = run.state === "queued" ? strings.inTurn : strings.waiting;
    this.showFailure(run);
  }

  showValues(last: ReadonlyMap<string, MetricValue>, best: Record<string, MetricValue>): void {
    const rows = [...last].map(([name, value]) =>
      element(
        "tr",
        {},
        element("th", { textContent: name, attributes: { scope: "row" } }),
        element("td", { textContent: formatValue(value), className: typeof value === "number" ? "" : "bad" }),
        element("td", { textContent: formatValue(best[name]) }),
      ),
    );
    this.table.replaceChildren(...rows);
    (this.table.parentElement as HTMLElement).hidden = rows.length === 0;
  }

  /** What the curves say, each with what to try; nothing where they say nothing. */
  showAdvice(advice: readonly Advice[]): void {
    const { strings } = this;
    const found = advice.map(({ kind, first_step, last_step, words, suggestions }) =>
      element(
        "div",
        {},
        element(
          "p",
          {},
          element("strong", { textContent: kind }),
          ` · ${format(strings.steps, first_step, last_step)}`,
        ),
        element("p", { textContent: words }),
        element("p", { textContent: strings.try }),
        element("ul", {}, ...suggestions.map((each) => element("li", {}, ...marked(each)))),
      ),
    );
    const recipe = element("button", { textContent: strings.recipe });
    recipe.addEventListener("click", () => this.folder && this.post({ type: "recipe", folder: this.folder }));
    this.advice.hidden = found.length === 0;
    this.advice.replaceChildren(element("h2", { textContent: strings.advice }), ...found, recipe);
  }

  /** What differs between this run and another, and what each reached; without one, nothing. */
  showComparison(comparison: Comparison | undefined): void {
    const { strings } = this;
    this.comparison.hidden = comparison === undefined;
    const rows = [...Object.entries(comparison?.settings ?? {}), ...Object.entries(comparison?.metrics ?? {})];
    const head = [strings.setting, strings.thisRun, strings.otherRun].map((textContent) =>
      element("th", { textContent, attributes: { scope: "col" } }),
    );
    const body = rows.map(([name, values]) =>
      element(
        "tr",
        {},
        element("th", { textContent: name, attributes: { scope: "row" } }),
        ...values.map((value) => element("td", { textContent: describeValue(value) })),
      ),
    );
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
    this.comparison.replaceChildren(table);
  }

  showLog(text: string): void {
    this.logTail.show(text);
  }

  showMessage(text: string): void {
    this.shown.hidden = true;
    this.message.hidden = false;
    this.message.replaceChildren(element("p", { textContent: text }));
  }

  private askForLog(): void {
    if (this.folder !== null) {
      this.post({ type: "tail", folder: this.folder, open: this.logTail.isOpen });
    }
  }

  private showEmpty(): void {
    const { strings } = this;
    const train = element("button", { className: "primary", textContent: strings.train });
    train.addEventListener("click", () => this.post({ type: "train" }));
    this.message.replaceChildren(
      element("h1", { textContent: strings.empty }),
      element("p", { textContent: strings.emptyAdvice }),
      train,
    );
  }

  private showFailure({ state, error }: Run): void {
    this.failure.hidden = state !== "failed";
    const text = element("p", { textContent: error?.message ?? "" });
    this.failure.replaceChildren(element("h2", { textContent: this.strings.failed }), text);
    if (error?.path && error.line) {
      const { path, line } = error;
      const link = element("button", { textContent: `${path.split(/[/\\]/).at(-1)}:${line}` });
      link.addEventListener("click", () => this.post({ type: "source", path, line }));
      this.failure.append(link);
    }
  }

  private describe(run: Run): string {
    const { strings } = this;
    const elapsed = run.updated - run.started;
    const left = run.last_step > 0 ? (elapsed / run.last_step) * (run.total_steps - run.last_step) : 0;
    const facts = [
      run.epochs > 0 ? format(strings.epoch, run.epoch, run.epochs) : "",
      run.total_steps > 0 ? format(strings.step, run.last_step, run.total_steps) : "",
      run.device ?? "",
      format(isActive(run) ? strings.elapsed : strings.took, formatSeconds(elapsed)),
      run.state === "running" && left > 1 ? format(strings.remaining, formatSeconds(left)) : "",
    ];
    return facts.filter((fact) => fact !== "").join(" · ");
  }

  private askToStop(): void {
    if (this.folder !== null) {
      this.stopping = this.folder;
      this.stop.disabled = true;
      this.stop.textContent = this.strings.stopping;
      this.post({ type: "stop", folder: this.folder });
    }
  }
}

function describeOption(option: HTMLOptionElement): string {
  return `${option.value} ${option.textContent}`;
}

/** A text in which `code` is marked. */
function marked(text: string): (Node | string)[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? element("code", { textContent: part }) : part));
}

function describeValue(value: unknown): string {
  if (typeof value === "number" || value === undefined) {
    return formatValue(value);
  }
  return value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
}
