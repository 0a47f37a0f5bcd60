/** What the extension and the graph page say to each other. Both sides read what they get through these guards. */

import type { Crumb, Level } from "../../src/protocol";

/** One level of a model's graph, and where it belongs. */
export interface ShownLevel {
  uri: string;
  target: string;
  title: string;
  /** The text has moved on since this was traced. */
  stale: boolean;
  breadcrumbs: readonly Crumb[];
  level: Level;
}

/** Words in place of a graph, while there is none to draw. */
export interface Placeholder {
  text: string;
  busy: boolean;
  action?: { title: string; command: string };
}

export type ToPage =
  | { type: "strings"; strings: Strings }
  | { type: "level"; shown: ShownLevel }
  | { type: "placeholder"; placeholder: Placeholder }
  | { type: "select"; id: string | null }
  /** A model file, drawn as Netron reads it. */
  | { type: "file"; name: string; bytes: ArrayBuffer };

export type FromPage =
  | { type: "ready"; state: PageState | null }
  | { type: "open"; path: string }
  | { type: "reveal"; id: string }
  | { type: "closeFile" }
  | { type: "action"; command: string }
  | { type: "failed"; message: string };

/** What outlives the page when it is hidden: which level of which model was shown, and how. */
export interface PageState {
  uri: string;
  target: string;
  path: string;
  selected: string | null;
  zoom: number;
  left: number;
  top: number;
}

/** The page's words, translated by the extension. */
export interface Strings {
  up: string;
  zoomIn: string;
  zoomOut: string;
  credit: string;
  stale: string;
  close: string;
  back: string;
  open: string;
  drawing: string;
  parameters: string;
  parametersRow: string;
  operations: string;
  inputs: string;
  outputs: string;
  arguments: string;
  source: string;
  repeats: string;
  module: string;
  empty: string;
  failed: string;
}

export function isFromPage(message: unknown): message is FromPage {
  if (typeof message !== "object" || message === null || !("type" in message)) {
    return false;
  }
  const { type, state, path, id, command, message: text } = message as Record<string, unknown>;
  switch (type) {
    case "ready":
      return state === null || isPageState(state);
    case "open":
      return typeof path === "string";
    case "reveal":
      return typeof id === "string";
    case "action":
      return typeof command === "string";
    case "failed":
      return typeof text === "string";
    default:
      return type === "closeFile";
  }
}

export function isToPage(message: unknown): message is ToPage {
  const type = (message as { type?: unknown } | null)?.type;
  return type === "strings" || type === "level" || type === "placeholder" || type === "select" || type === "file";
}

export function isPageState(state: unknown): state is PageState {
  const { uri, target, path } = (state ?? {}) as Record<string, unknown>;
  return typeof uri === "string" && typeof target === "string" && typeof path === "string";
}
