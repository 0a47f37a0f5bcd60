/** What the extension and the runs page say to each other. Both sides read what they get through these guards. */

import type { MetricRow, Run } from "../../src/protocol";

export interface NamedRun {
  folder: string;
  run: Run;
}

export type ToPage =
  | { type: "strings"; strings: Strings }
  | { type: "runs"; runs: readonly NamedRun[]; selected: string | null }
  /** `reset`: these rows are the first ones, what was there before is void. */
  | { type: "rows"; folder: string; run: Run; rows: readonly MetricRow[]; reset: boolean }
  | { type: "unavailable"; message: string };

export type FromPage =
  | { type: "ready"; selected: string | null }
  | { type: "select"; folder: string }
  | { type: "stop"; folder: string }
  | { type: "export"; folder: string }
  | { type: "log"; folder: string }
  | { type: "source"; path: string; line: number }
  | { type: "train" };

/** The page's words, translated by the extension. */
export interface Strings {
  title: string;
  run: string;
  empty: string;
  emptyAdvice: string;
  train: string;
  stop: string;
  stopping: string;
  export: string;
  log: string;
  waiting: string;
  failed: string;
  epoch: string;
  step: string;
  last: string;
  best: string;
  metric: string;
  elapsed: string;
  took: string;
  remaining: string;
  states: Record<Run["state"], string>;
}

export function isFromPage(message: unknown): message is FromPage {
  if (typeof message !== "object" || message === null || !("type" in message)) {
    return false;
  }
  const { type, folder, path, line, selected } = message as Record<string, unknown>;
  switch (type) {
    case "ready":
      return selected === null || typeof selected === "string";
    case "select":
    case "stop":
    case "export":
    case "log":
      return typeof folder === "string";
    case "source":
      return typeof path === "string" && typeof line === "number";
    default:
      return type === "train";
  }
}

export function isToPage(message: unknown): message is ToPage {
  const type = (message as { type?: unknown } | null)?.type;
  return type === "strings" || type === "runs" || type === "rows" || type === "unavailable";
}

/** Whether a job is, as far as its folder says, still at work. */
export function isActive(run: Run): boolean {
  return run.state === "queued" || run.state === "running" || run.state === "paused";
}
