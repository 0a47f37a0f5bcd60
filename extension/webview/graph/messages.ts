/** What the extension and the graph page say to each other. Both sides read what they get through these guards. */

import type {
  AttentionMaps,
  Crumb,
  GraphDiff,
  Hit,
  LayerActivations,
  Level,
  Overlay,
  TensorReport,
  TensorValues,
} from "../../src/protocol";

/** One level of a model's graph, and where it belongs. */
export interface ShownLevel {
  uri: string;
  target: string;
  title: string;
  /** The text has moved on since this was traced. */
  stale: boolean;
  breadcrumbs: readonly Crumb[];
  level: Level;
  /** The levels that are opened in place, in this one or in one of them. */
  inner: readonly Level[];
  /** The node that was asked for, if one was. */
  selected: string | null;
  /** What the nodes are coloured by. */
  overlay: Overlay | null;
  /** What the level is compared with, in words. */
  base: string | null;
  inspected: Inspected | null;
}

/** What has been learned that is looked into: weights, and what a sample that went through them did. */
export interface Inspected {
  /** A run's folder, or a file of weights. */
  source: string;
  isRun: boolean;
  label: string;
  /** The folder of the explanation, and what the model made of the sample, in words. */
  sample: { folder: string; words: string } | null;
}

/** What there is inside of one node. */
export interface Inside {
  tensors: readonly TensorReport[];
  layer: LayerActivations | null;
  attention: readonly AttentionMaps[];
  /** Data URLs, by the names of the files that layers and maps have. */
  pictures: Readonly<Record<string, string>>;
  /** Why there is not more. */
  failure: string | null;
}

/** The overlays that tell of a run, by their names at the server. */
export const RUN_OVERLAYS = ["grad_norm", "update_ratio", "output_std", "zeros", "health"] as const;
export type RunOverlay = (typeof RUN_OVERLAYS)[number];

export const INSPECTED_THINGS = ["weights", "sample", "nothing"] as const;
export type InspectedThing = (typeof INSPECTED_THINGS)[number];

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
  /** The pointer is on the code of a node. */
  | { type: "hover"; id: string | null }
  | { type: "found"; query: string; hits: readonly Hit[] }
  | { type: "diff"; diff: GraphDiff }
  | { type: "inside"; id: string; inside: Inside }
  | { type: "values"; tensor: TensorValues }
  /** A model file, drawn as Netron reads it: piece by piece. */
  | { type: "file"; file: FileToRead }
  /** What was asked for of a file; null if it cannot be read any longer. */
  | FileBytes;

export interface FileToRead {
  id: number;
  name: string;
  size: number;
}

/** A part of a file. */
export type Range = readonly [offset: number, length: number];

/** The bytes of the ranges that were asked for, one after another. */
export interface FileBytes {
  type: "bytes";
  file: number;
  bytes: ArrayBuffer | null;
}

/** What one message asks of a file at most. */
export const LARGEST_READ = 2 ** 26;

export const SAVED_FORMATS = ["svg", "png", "json", "mermaid"] as const;
export type SavedFormat = (typeof SAVED_FORMATS)[number];

export type FromPage =
  | { type: "ready"; state: PageState | null }
  | { type: "open"; path: string }
  /** Open a level in place, or close it. */
  | { type: "expand"; path: string; open: boolean }
  | { type: "reveal"; id: string }
  | { type: "hover"; id: string | null }
  | { type: "find"; query: string }
  /** Show a node, wherever it is drawn. */
  | { type: "goTo"; id: string }
  | { type: "overlay"; name: string | null }
  /** Of a run, the sampled step to colour by; the last one as it comes for null. */
  | { type: "step"; step: number | null }
  | { type: "inspect"; what: InspectedThing }
  | { type: "inside"; id: string }
  | { type: "values"; name: string; start: number }
  /** A picture comes with its data; the other formats are the server's. */
  | { type: "save"; format: SavedFormat; data: string | ArrayBuffer | null }
  | { type: "endCompare" }
  | { type: "read"; file: number; ranges: readonly Range[] }
  | { type: "action"; command: string }
  | { type: "failed"; message: string };

/** What outlives the page when it is hidden: which level of which model was shown, and how. */
export interface PageState {
  uri: string;
  target: string;
  path: string;
  inner: readonly string[];
  overlay: string | null;
  inspected: Inspected | null;
  view: "graph" | "tree";
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
  open: string;
  expand: string;
  collapse: string;
  drawing: string;
  graph: string;
  details: string;
  find: string;
  findShort: string;
  hits: string;
  noHits: string;
  colourBy: string;
  noColours: string;
  overlays: Record<string, string>;
  /** Those that tell of a run, where runs can be asked for. */
  runOverlays: Partial<Record<RunOverlay, string>>;
  ofRun: string;
  atSizes: string;
  step: string;
  atStep: string;
  lookInside: string;
  lookInsideShort: string;
  /** What can be looked into here. */
  inspect: Partial<Record<InspectedThing, string>>;
  endInspect: string;
  inspectedRun: string;
  lookingInside: string;
  distribution: string;
  elements: string;
  mean: string;
  deviation: string;
  range: string;
  zeros: string;
  notFinite: string;
  norm: string;
  firstBlock: string;
  notInFile: string;
  showValues: string;
  values: string;
  moreValues: string;
  activationMaps: string;
  attentionMaps: string;
  mapsShown: string;
  channel: string;
  head: string;
  deadUnits: string;
  tree: string;
  save: string;
  saveShort: string;
  formats: Record<SavedFormat, string>;
  changes: Record<"added" | "removed" | "changed" | "reshaped", string>;
  comparedWith: string;
  showChanges: string;
  endCompare: string;
  same: string;
  change: string;
  node: string;
  shape: string;
  total: string;
  parameters: string;
  parametersRow: string;
  operations: string;
  activations: string;
  inputs: string;
  outputs: string;
  arguments: string;
  weights: string;
  frozen: string;
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
  const {
    type,
    state,
    path,
    id,
    command,
    message: text,
    open,
    query,
    name,
    format,
    data,
    file,
    ranges,
    step,
    what,
    start,
  } = message as Record<string, unknown>;
  switch (type) {
    case "ready":
      return state === null || isPageState(state);
    case "open":
      return typeof path === "string";
    case "expand":
      return typeof path === "string" && typeof open === "boolean";
    case "reveal":
    case "goTo":
    case "inside":
      return typeof id === "string";
    case "step":
      return step === null || typeof step === "number";
    case "inspect":
      return INSPECTED_THINGS.some((each) => each === what);
    case "values":
      return typeof name === "string" && Number.isSafeInteger(start);
    case "hover":
      return id === null || typeof id === "string";
    case "find":
      return typeof query === "string";
    case "overlay":
      return name === null || typeof name === "string";
    case "save":
      return (
        SAVED_FORMATS.some((each) => each === format) &&
        (data === null || typeof data === "string" || data instanceof ArrayBuffer)
      );
    case "read":
      return typeof file === "number" && Array.isArray(ranges) && areRanges(ranges);
    case "action":
      return typeof command === "string";
    case "failed":
      return typeof text === "string";
    default:
      return type === "endCompare";
  }
}

function areRanges(ranges: readonly unknown[]): ranges is Range[] {
  const lengths = ranges.map((range) =>
    Array.isArray(range) && range.length === 2 && range.every((each) => Number.isSafeInteger(each) && each >= 0)
      ? (range[1] as number)
      : Number.POSITIVE_INFINITY,
  );
  return lengths.reduce((sum, length) => sum + length, 0) <= LARGEST_READ;
}

const TO_PAGE = new Set([
  ...["strings", "level", "placeholder", "select", "hover", "found", "diff"],
  ...["inside", "values", "file", "bytes"],
]);

export function isToPage(message: unknown): message is ToPage {
  return TO_PAGE.has(String((message as { type?: unknown } | null)?.type));
}

export function isPageState(state: unknown): state is PageState {
  const { uri, target, path, inner } = (state ?? {}) as Record<string, unknown>;
  return typeof uri === "string" && typeof target === "string" && typeof path === "string" && Array.isArray(inner);
}
