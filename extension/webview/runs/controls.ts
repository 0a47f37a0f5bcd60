/** How the plots are drawn: smoothed, on a logarithmic scale, over those of another run. */

import { element, format } from "../shared/dom";
import { type NamedRun, nameOf, type Strings } from "./messages";

export class Controls {
  readonly bar = element("div", { className: "controls" });
  private readonly smoothBox = element("input", { type: "checkbox" });
  private readonly logBox = element("input", { type: "checkbox" });
  private readonly picker = element("select");
  private readonly others: HTMLElement;
  private readonly thinned = element("span", { className: "faint", hidden: true });

  constructor(
    private readonly strings: Strings,
    changed: () => void,
    compare: (other: string) => void,
  ) {
    this.smoothBox.addEventListener("change", changed);
    this.logBox.addEventListener("change", changed);
    this.picker.addEventListener("change", () => {
      compare(this.other);
      changed();
    });
    this.others = element("label", {}, strings.compareWith, this.picker);
    this.bar.append(
      element("label", {}, this.smoothBox, strings.smooth),
      element("label", {}, this.logBox, strings.logScale),
      this.others,
      this.thinned,
    );
  }

  /** That not every step of a very long run is drawn. */
  showThinned(thinned: number): void {
    this.thinned.hidden = thinned === 1;
    this.thinned.textContent = format(this.strings.thinned, thinned);
  }

  get smooth(): boolean {
    return this.smoothBox.checked;
  }

  get log(): boolean {
    return this.logBox.checked;
  }

  /** The folder of the run that the shown one is compared with, or nothing. */
  get other(): string {
    return this.picker.value;
  }

  /** Another run is shown: it is compared with none yet. */
  reset(): void {
    this.picker.value = "";
  }

  /** The runs that the shown one can be compared with; what was chosen stays, if it is still there. */
  offer(runs: readonly NamedRun[], shown: string | null): void {
    const others = runs.filter(({ folder, run }) => folder !== shown && run.last_step > 0);
    this.others.hidden = others.length === 0;
    const wanted = ["", ...others.map(({ folder }) => folder)];
    if (wanted.join() !== [...this.picker.options].map(({ value }) => value).join()) {
      const chosen = this.other;
      const options = others.map(({ folder, run }) =>
        element("option", { value: folder, textContent: describeRun(run) }),
      );
      this.picker.replaceChildren(element("option", { value: "", textContent: this.strings.nothing }), ...options);
      this.picker.value = wanted.includes(chosen) ? chosen : "";
    }
  }
}

/** A run in a list: its model, and when it began. */
export function describeRun(run: NamedRun["run"]): string {
  return `${nameOf(run)} · ${new Date(run.started * 1000).toLocaleString()}`;
}
