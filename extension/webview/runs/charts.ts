/** One uPlot per quantity, in the editor's colours, as wide as its box. */

import uPlot from "uplot";
import { element } from "../shared/dom";
import { assignStyles, formatValue, groupByQuantity, type Series, smooth } from "./series";

const HEIGHT = 200;
const SPARSE = 60;
const COLOURS = ["--vscode-charts-blue", "--vscode-charts-yellow", "--vscode-charts-green", "--vscode-charts-purple"];
/** Lines differ by their dashes too, not by colour alone. */
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

/** How the plots are drawn. `other` is a run that the shown one is compared with. */
export interface View {
  readonly smooth: boolean;
  readonly log: boolean;
  readonly other: { readonly name: string; readonly series: Series } | undefined;
}

/** What a line shows: a metric of the shown run, what was written of one that is smoothed, or one of another run. */
type Role = "metric" | "written" | "other";

const ALPHAS: Record<Role, number> = { metric: 1, written: 0.2, other: 0.6 };

interface Line {
  /** Nothing where the line has no entry in the legend. */
  readonly label: string;
  readonly style: number;
  readonly role: Role;
  readonly values: (number | null)[];
}

interface Chart {
  readonly box: HTMLElement;
  /** What it was made for: other lines, or another scale, need another plot. */
  readonly key: string;
  readonly plot: uPlot;
}

export class Charts {
  private readonly charts = new Map<string, Chart>();
  private readonly resize = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const chart = [...this.charts.values()].find(({ box }) => box === target);
      if (chart !== undefined && contentRect.width > 0) {
        chart.plot.setSize({ width: contentRect.width, height: HEIGHT });
      }
    }
  });

  constructor(
    private readonly parent: HTMLElement,
    private readonly help: string,
  ) {}

  draw(series: Series, view: View): void {
    const groups = groupByQuantity([...series.columns.keys(), ...(view.other?.series.columns.keys() ?? [])]);
    for (const [quantity, all] of groups) {
      const names = [...new Set(all)];
      const mine = linesOf(series, names, view.smooth);
      const others = view.other === undefined ? [] : linesOfOther(view.other, names, view.smooth);
      const lines = [...mine, ...others];
      const key = JSON.stringify([view.log, ...lines.map(({ label, style, role }) => [label, style, role])]);
      if (this.charts.get(quantity)?.key !== key) {
        this.remove(quantity);
        this.add(quantity, lines, view.log, key);
      }
      const plot = this.charts.get(quantity)?.plot;
      if (plot !== undefined) {
        update(plot, table(series, mine, view, others));
      }
    }
    for (const quantity of [...this.charts.keys()].filter((each) => !groups.has(each))) {
      this.remove(quantity);
    }
    this.arrange([...groups.keys()]);
  }

  clear(): void {
    for (const quantity of [...this.charts.keys()]) {
      this.remove(quantity);
    }
  }

  /** A quantity that comes late, as accuracy does at the end of an epoch, still has its own place. */
  private arrange(order: readonly string[]): void {
    const figures = order.flatMap((quantity) => this.charts.get(quantity)?.box.parentElement ?? []);
    if (figures.some((figure, index) => this.parent.children[index] !== figure)) {
      this.parent.replaceChildren(...figures);
    }
  }

  private add(quantity: string, lines: readonly Line[], log: boolean, key: string): void {
    const box = element("div", { className: "plot", title: this.help });
    const figure = element(
      "figure",
      {},
      element("figcaption", {}, element("h2", { textContent: quantity }), legend(lines)),
      box,
    );
    this.parent.append(figure);
    const plot = new uPlot(options(lines, log, box.clientWidth || 320), [[], ...lines.map(() => [])], box);
    this.charts.set(quantity, { box, key, plot });
    this.resize.observe(box);
  }

  private remove(quantity: string): void {
    const chart = this.charts.get(quantity);
    if (chart !== undefined) {
      this.resize.unobserve(chart.box);
      chart.plot.destroy();
      chart.box.parentElement?.remove();
      this.charts.delete(quantity);
    }
  }
}

/** A metric that is smoothed has two lines: what was written, and the average. */
function linesOf(series: Series, names: readonly string[], smoothed: boolean): Line[] {
  const styles = assignStyles(names);
  return names.flatMap((name, index) => {
    const values = series.columns.get(name);
    if (values === undefined) {
      return [];
    }
    const style = (styles[index] ?? 0) % COLOURS.length;
    const average = smoothed ? smooth(values) : null;
    const line: Line = { label: name, style, role: "metric", values: average ?? values };
    return average === null ? [line] : [{ label: "", style, role: "written", values }, line];
  });
}

function linesOfOther(other: NonNullable<View["other"]>, names: readonly string[], smoothed: boolean): Line[] {
  const lines = linesOf(other.series, names, smoothed).filter(({ role }) => role === "metric");
  return lines.map((line) => ({ ...line, label: `${line.label} (${other.name})`, role: "other" }));
}

/** The lines over all steps of both runs. A logarithm has no place for what is not positive. */
function table(series: Series, mine: readonly Line[], view: View, others: readonly Line[]): uPlot.AlignedData {
  const shown = ({ values }: Line) => (view.log ? values.map((v) => (v !== null && v > 0 ? v : null)) : values);
  const own: uPlot.AlignedData = [series.steps, ...mine.map(shown)];
  return view.other === undefined ? own : uPlot.join([own, [view.other.series.steps, ...others.map(shown)]]);
}

/** What was zoomed into stays in sight while more is written. */
function update(plot: uPlot, data: uPlot.AlignedData): void {
  const [steps] = plot.data;
  const { min, max } = plot.scales.x ?? {};
  const [first, last] = [steps[0], steps[steps.length - 1]];
  const bounds = [min, max, first, last].every((each) => typeof each === "number");
  const isZoomed = bounds && ((min as number) > (first as number) || (max as number) < (last as number));
  plot.setData(data, !isZoomed);
  if (isZoomed) {
    plot.setScale("x", { min: min as number, max: max as number });
  }
}

function options(lines: readonly Line[], log: boolean, width: number): uPlot.Options {
  const styles = getComputedStyle(document.documentElement);
  const styleOf = (name: string) => styles.getPropertyValue(name);
  const text = styleOf("--vscode-foreground");
  const grid = { stroke: styleOf("--vscode-editorIndentGuide-background1") || "#8884", width: 1 };
  const font = `12px ${styleOf("--vscode-font-family")}`;
  const axis = { stroke: text, grid, ticks: grid, font };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    // A step that is pointed at, or steps that are zoomed into, are so in all plots.
    cursor: { y: false, drag: { x: true, y: false }, sync: { key: "steps", scales: ["x", null] } },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
    axes: [
      { ...axis, space: 60, size: 30 },
      {
        ...axis,
        size: (_plot, labels) => 24 + 7 * Math.max(4, ...(labels ?? []).map((label) => label.length)),
        values: (_plot, splits) => splits.map((value) => (value === null ? "" : formatValue(value))),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, style, role }) => ({
        label,
        stroke: styleOf(COLOURS[style] as string),
        alpha: ALPHAS[role],
        dash: DASHES[style] as number[],
        width: role === "metric" ? 1.5 : 1,
        spanGaps: true,
        points: { show: isSparse, size: 5, fill: styleOf("--vscode-editor-background") },
      })),
    ],
    plugins: [readout()],
  };
}

/** A metric of every epoch has few values among those of every step: each is marked. */
function isSparse(plot: uPlot, index: number): boolean {
  return Array.from(plot.data[index] ?? []).filter((value) => value !== null).length < SPARSE;
}

/** The value at a step, else the one before it. */
function latestValue(values: ArrayLike<number | null | undefined>, index: number): number | undefined {
  for (let at = index; at >= 0; at--) {
    const value = values[at];
    if (typeof value === "number") {
      return value;
    }
  }
  return undefined;
}

/** The values under the pointer, beside it. */
function readout(): uPlot.Plugin {
  const box = element("div", { className: "readout", hidden: true });
  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: (plot) => {
        const index = plot.cursor.idx;
        const step = typeof index === "number" ? plot.data[0][index] : undefined;
        box.hidden = step === undefined || (plot.cursor.left ?? -1) < 0;
        if (step === undefined || typeof index !== "number") {
          return;
        }
        const lines = plot.series.slice(1).flatMap((series, column) => {
          const value = latestValue(plot.data[column + 1] ?? [], index);
          return value === undefined || series.label === "" ? [] : [`${series.label}  ${formatValue(value)}`];
        });
        box.textContent = [`step ${step}`, ...lines].join("\n");
        const left = plot.cursor.left ?? 0;
        const flip = left > plot.over.clientWidth / 2;
        box.style.left = flip ? "" : `${left + 10}px`;
        box.style.right = flip ? `${plot.over.clientWidth - left + 10}px` : "";
      },
    },
  };
}

function legend(lines: readonly Line[]): HTMLElement {
  const items = lines
    .filter(({ label }) => label !== "")
    .map(({ label, style, role }) => {
      const className = `line line-${style}${role === "other" ? " faint" : ""}`;
      return element("li", {}, element("span", { className, attributes: { "aria-hidden": "true" } }), label);
    });
  return element("ul", { className: "legend" }, ...items);
}
