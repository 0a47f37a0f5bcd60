/** What the extension and the runs page say to each other. Both sides read what they get through these guards. */

import type { MetricRow, MetricValue, Run } from "../../src/protocol";

/** What the curves of a run say, and what to try: `pymodel.runAdvice`. */
export interface Advice {
  kind: string;
  metric: string;
  first_step: number;
  last_step: number;
  words: string;
  suggestions: readonly string[];
}

/** What differs between two runs, the shown one first: `pymodel.compareRuns`. */
export interface Comparison {
  settings: Record<string, readonly unknown[]>;
  metrics: Record<string, readonly (MetricValue | null)[]>;
}

export interface NamedRun {
  folder: string;
  run: Run;
}

export type ToPage =
  | { type: "strings"; strings: Strings }
  | { type: "runs"; runs: readonly NamedRun[]; selected: string | null }
  /** `reset`: these rows are the first ones, what was there before is void. */
  | { type: "rows"; folder: string; run: Run; rows: readonly MetricRow[]; thinned: number; reset: boolean }
  | { type: "advice"; folder: string; advice: readonly Advice[] }
  | { type: "compared"; run: Run; rows: readonly MetricRow[]; comparison: Comparison }
  | { type: "log"; folder: string; text: string }
  | { type: "unavailable"; message: string };

export type FromPage =
  | { type: "ready"; selected: string | null }
  | { type: "select"; folder: string }
  | { type: "stop"; folder: string }
  | { type: "pause"; folder: string }
  | { type: "continue"; folder: string }
  | { type: "export"; folder: string }
  | { type: "explain"; folder: string }
  | { type: "graph"; folder: string }
  | { type: "log"; folder: string }
  /** The end of the log is wanted from now on, or not any more. */
  | { type: "tail"; folder: string; open: boolean }
  | { type: "recipe"; folder: string }
  | { type: "compare"; folder: string; other: string }
  | { type: "source"; path: string; line: number }
  | { type: "train" };

const TO_PAGE: readonly ToPage["type"][] = ["strings", "runs", "rows", "advice", "compared", "log", "unavailable"];

/** The page's words, translated by the extension. */
export interface Strings {
  title: string;
  run: string;
  empty: string;
  emptyAdvice: string;
  train: string;
  stop: string;
  pause: string;
  continue: string;
  stopping: string;
  export: string;
  explain: string;
  graph: string;
  log: string;
  logTail: string;
  inTurn: string;
  waiting: string;
  failed: string;
  epoch: string;
  step: string;
  last: string;
  best: string;
  metric: string;
  smooth: string;
  logScale: string;
  zoom: string;
  thinned: string;
  compareWith: string;
  nothing: string;
  setting: string;
  thisRun: string;
  otherRun: string;
  advice: string;
  try: string;
  steps: string;
  recipe: string;
  elapsed: string;
  took: string;
  remaining: string;
  states: Record<Run["state"], string>;
}

export function isFromPage(message: unknown): message is FromPage {
  if (typeof message !== "object" || message === null || !("type" in message)) {
    return false;
  }
  const { type, folder, other, open, path, line, selected } = message as Record<string, unknown>;
  switch (type) {
    case "ready":
      return selected === null || typeof selected === "string";
    case "select":
    case "stop":
    case "pause":
    case "continue":
    case "export":
    case "explain":
    case "graph":
    case "log":
    case "recipe":
      return typeof folder === "string";
    case "compare":
      return typeof folder === "string" && typeof other === "string";
    case "tail":
      return typeof folder === "string" && typeof open === "boolean";
    case "source":
      return typeof path === "string" && typeof line === "number";
    default:
      return type === "train";
  }
}

export function isToPage(message: unknown): message is ToPage {
  const type = (message as { type?: unknown } | null)?.type;
  return TO_PAGE.includes(type as ToPage["type"]);
}

/** What a run is called: as somebody named it, else `Net` of `/w/net.py::Net`, a script and a log by their last part. */
export function nameOf(run: Run): string {
  return run.name || lastPart(run);
}

function lastPart(run: Run): string {
  return run.target.split(/[:/\\]/).pop() ?? run.target;
}

/** Whether a run has curves: exports and explanations are jobs, too. */
export function hasCurves(run: Run): boolean {
  return run.kind === "train" || run.kind === "script" || run.kind === "attached";
}

/** Whether a job is, as far as its folder says, still at work. */
export function isActive(run: Run): boolean {
  return run.state === "queued" || run.state === "running" || run.state === "paused";
}
