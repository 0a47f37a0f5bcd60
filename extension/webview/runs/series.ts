/** A run's metrics as columns: one list of steps, and one list of values per metric, as plots want them. */

import type { MetricRow, MetricValue } from "../../src/protocol";

export class Series {
  readonly steps: number[] = [];
  readonly columns = new Map<string, (number | null)[]>();
  /** The last value of each metric as it was written, `nan` included. */
  readonly last = new Map<string, MetricValue>();

  append(rows: readonly MetricRow[]): void {
    for (const { step, values } of rows) {
      const index = this.indexOf(step);
      for (const [name, value] of Object.entries(values)) {
        this.columnOf(name)[index] = finite(value);
        this.last.set(name, value);
      }
    }
  }

  /** Rows of one step are one point on the axis, which plots want to rise. */
  private indexOf(step: number): number {
    if (this.steps.at(-1) !== step) {
      this.steps.push(step);
      for (const column of this.columns.values()) {
        column.push(null);
      }
    }
    return this.steps.length - 1;
  }

  private columnOf(name: string): (number | null)[] {
    let column = this.columns.get(name);
    if (column === undefined) {
      column = new Array<number | null>(this.steps.length).fill(null);
      this.columns.set(name, column);
    }
    return column;
  }
}

/** What a person looks at first is plotted first. */
const FIRST = ["loss", "accuracy"];

/** Metrics of one quantity share a plot: `train/loss`, `train/epoch_loss` and `validation/loss` are all `loss`. */
export function groupByQuantity(names: Iterable<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>(FIRST.map((quantity) => [quantity, []]));
  for (const name of names) {
    const quantity = name.slice(name.lastIndexOf("/") + 1).replace(/^epoch_/, "");
    groups.set(quantity, [...(groups.get(quantity) ?? []), name]);
  }
  return new Map([...groups].filter(([, members]) => members.length > 0));
}

/** So many points are smoothed; fewer are looked at one by one. */
const FEWEST = 20;
const KEPT = 0.9;

/** An exponential average of a metric, unbiased at its beginning; null where there are too few points for one. */
export function smooth(values: readonly (number | null)[]): (number | null)[] | null {
  if (values.filter((value) => value !== null).length < FEWEST) {
    return null;
  }
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null) {
      return null;
    }
    sum = KEPT * sum + (1 - KEPT) * value;
    weight = KEPT * weight + (1 - KEPT);
    return sum / weight;
  });
}

const ROLES = ["train", "validation", "test"];

/** Which of the line styles each metric of a plot has: those of a role look the same in every plot. */
export function assignStyles(names: readonly string[]): number[] {
  const taken = new Set<number>();
  const take = (style: number) => {
    taken.add(style);
    return style;
  };
  const own = names.map((name) => {
    const role = ROLES.indexOf(name.slice(0, name.indexOf("/")));
    return role < 0 || taken.has(role) ? null : take(role);
  });
  return own.map((style) => style ?? take(firstNotIn(taken)));
}

function firstNotIn(taken: ReadonlySet<number>): number {
  let style = 0;
  while (taken.has(style)) {
    style++;
  }
  return style;
}

function finite(value: MetricValue): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function formatValue(value: MetricValue | undefined): string {
  if (typeof value !== "number") {
    return value ?? "–";
  }
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-3 && size < 1e5);
  return plain ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

/** `75` as `1 min 15 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) {
    return `${hours} h ${minutes} min`;
  }
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}
