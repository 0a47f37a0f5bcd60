/** One uPlot per quantity, in the editor's colours, as wide as its box. */

import uPlot from "uplot";
import { element } from "../shared/dom";
import { assignStyles, formatValue, groupByQuantity, type Series } from "./series";

const HEIGHT = 200;
const SPARSE = 60;
const COLOURS = ["--vscode-charts-blue", "--vscode-charts-yellow", "--vscode-charts-green", "--vscode-charts-purple"];
/** Lines differ by their dashes too, not by colour alone. */
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

interface Chart {
  readonly box: HTMLElement;
  readonly names: readonly string[];
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

  constructor(private readonly parent: HTMLElement) {}

  draw(series: Series): void {
    const groups = groupByQuantity(series.columns.keys());
    for (const [quantity, names] of groups) {
      const known = this.charts.get(quantity);
      if (known === undefined || known.names.join() !== names.join()) {
        this.remove(quantity);
        this.add(quantity, names);
      }
      const columns = names.map((name) => series.columns.get(name) ?? []);
      this.charts.get(quantity)?.plot.setData([series.steps, ...columns]);
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

  private add(quantity: string, names: readonly string[]): void {
    const box = element("div", { className: "plot" });
    const figure = element(
      "figure",
      {},
      element("figcaption", {}, element("h2", { textContent: quantity }), legend(names)),
      box,
    );
    this.parent.append(figure);
    const plot = new uPlot(options(names, box.clientWidth || 320), [[], ...names.map(() => [])], box);
    this.charts.set(quantity, { box, names, plot });
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

function options(names: readonly string[], width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--vscode-foreground");
  const grid = { stroke: style.getPropertyValue("--vscode-editorIndentGuide-background1") || "#8884", width: 1 };
  const font = `12px ${style.getPropertyValue("--vscode-font-family")}`;
  const styles = assignStyles(names);
  const axis = { stroke: text, grid, ticks: grid, font };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false } },
    scales: { x: { time: false } },
    axes: [
      { ...axis, space: 60, size: 30 },
      {
        ...axis,
        size: (_plot, labels) => 24 + 7 * Math.max(4, ...(labels ?? []).map((label) => label.length)),
        values: (_plot, splits) => splits.map((value) => formatValue(value)),
      },
    ],
    series: [
      {},
      ...names.map((name, index) => ({
        label: name,
        stroke: style.getPropertyValue(COLOURS[(styles[index] ?? 0) % COLOURS.length] as string),
        dash: DASHES[(styles[index] ?? 0) % DASHES.length] as number[],
        width: 1.5,
        spanGaps: true,
        points: { show: isSparse, size: 5, fill: style.getPropertyValue("--vscode-editor-background") },
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
          return value === undefined ? [] : [`${series.label}  ${formatValue(value)}`];
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

function legend(names: readonly string[]): HTMLElement {
  const styles = assignStyles(names);
  const items = names.map((name, index) => {
    const style = (styles[index] ?? 0) % COLOURS.length;
    const line = element("span", {
      className: `line line-${style}`,
      attributes: { "aria-hidden": "true" },
    });
    return element("li", {}, line, name);
  });
  return element("ul", { className: "legend" }, ...items);
}
