/** The log, and how the server's own lines find their level in it. */

import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import * as vscode from "vscode";

export function createLog(): vscode.LogOutputChannel {
  return vscode.window.createOutputChannel("PyModel", { log: true });
}

const LEVEL = /^(?:\S+ )?(DEBUG|INFO|WARNING|ERROR|CRITICAL)[:\s]\s*/;

const writers: Record<string, "debug" | "info" | "warn" | "error"> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "error",
};

/** Python writes every level to stderr. A line without a level continues the one before it: a traceback, say. */
export function logServerLines(input: Readable, log: vscode.LogOutputChannel): void {
  let level = "INFO";
  createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
    const match = LEVEL.exec(line);
    level = match?.[1] ?? level;
    log[writers[level] ?? "info"](match ? line.slice(match[0].length) : line);
  });
}

/** What an exception says to a person. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
