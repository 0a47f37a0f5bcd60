/**
 * What crosses between the server and this client: a mirror of the dataclasses in `pymodel/schema`.
 * `tests/unit/test_protocol_mirror.py` compares the two, name by name and type by type.
 */

/** An int, or an expression over symbols such as `"9*B"`. */
export type Dim = number | string;
export type Dims = readonly Dim[];
/** Non-finite numbers are the strings `nan`, `inf`, `-inf`. */
export type MetricValue = number | string;
export type Change = "added" | "removed" | "changed" | "reshaped";
export type RunState = "queued" | "running" | "paused" | "completed" | "stopped" | "failed" | "interrupted";

/** Lines are 1-based, columns 0-based in code points. */
export interface Position {
  line: number;
  column: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export interface Location {
  path: string;
  start: Position;
  end: Position;
}

export interface ModelSite {
  target: string;
  name: string;
  line: number;
  kind: "class" | "factory" | "variable";
  bases: readonly string[];
  name_range: Range;
  range: Range;
}

export interface DataFactory {
  reference: string;
  name: string;
  path: string;
  line: number;
  kind: "class" | "function";
  reason: string;
}

export interface Node {
  id: string;
  name: string;
  type: string;
  path: string | null;
  range: Location | null;
  inputs: readonly Dims[];
  outputs: readonly Dims[];
  parameters: number;
  flops: number | string;
  children: number;
  kind: string;
  arguments: string;
  error: string | null;
  repeats: number;
  activation_bytes: number | string;
  dtype: string | null;
  trainable: number;
  weights: readonly Weight[];
  change: Change | null;
}

/** A parameter of a module itself. */
export interface Weight {
  name: string;
  dims: Dims;
  dtype: string;
  trainable: boolean;
}

export interface Reading {
  id: string;
  amount: number;
  words: string;
}

export interface Overlay {
  name: string;
  scale: "amount" | "category";
  readings: readonly Reading[];
  note: string;
  step: number | null;
  steps: readonly number[];
  message: string;
}

export interface Hit {
  level: string;
  id: string;
  name: string;
  type: string;
  detail: string;
}

export interface NodeFacts {
  type: string;
  arguments: string;
  outputs: readonly Dims[];
  parameters: number;
  flops: number | string;
  activation_bytes: number | string;
}

export interface NodeChange {
  id: string;
  change: Change;
  before: NodeFacts | null;
  after: NodeFacts | null;
}

export interface GraphDiff {
  base: string;
  before: NodeFacts;
  after: NodeFacts;
  changes: readonly NodeChange[];
}

export interface Edge {
  from: string;
  to: string;
  dims: Dims;
  dtype: string;
}

export interface Level {
  path: string;
  nodes: readonly Node[];
  edges: readonly Edge[];
}

export interface Process {
  pid: number;
  start_time: number;
  boot_id: string;
}

export interface RunError {
  message: string;
  path: string | null;
  line: number | null;
}

export interface Run {
  id: string;
  kind: "train" | "export" | "explain" | "script" | "attached";
  target: string;
  state: RunState;
  started: number;
  updated: number;
  request: Record<string, unknown>;
  process: Process | null;
  device: string | null;
  epoch: number;
  epochs: number;
  last_step: number;
  total_steps: number;
  metrics: Record<string, Record<string, MetricValue>>;
  versions: Record<string, string>;
  environment: Record<string, string>;
  result: Record<string, unknown> | null;
  error: RunError | null;
  name: string;
  note: string;
}

export interface MetricRow {
  step: number;
  time: number;
  epoch: number;
  values: Record<string, MetricValue>;
}

export interface Histogram {
  low: number;
  high: number;
  counts: readonly number[];
}

export interface Statistics {
  elements: number;
  mean: number | null;
  std: number | null;
  min: number | null;
  max: number | null;
  l1: number | null;
  l2: number | null;
  zeros: number;
  nan: number;
  inf: number;
  histogram: Histogram | null;
}

export interface TensorReport {
  name: string;
  dtype: string;
  dims: readonly number[];
  bytes: number;
  shared_with: string | null;
  statistics: Statistics;
}

export interface TensorValues {
  name: string;
  dtype: string;
  dims: readonly number[];
  start: number;
  values: readonly (number | string)[];
}

/** A class, or one of several outputs. */
export interface Answer {
  index: number;
  name: string;
  value: number;
  probability: number | null;
}

/** The likeliest first. */
export interface Prediction {
  answers: readonly Answer[];
  how: string;
  label: string | null;
}

export interface ExplainedSample {
  kind: string;
  title: string;
}

/** `file` shows tiles of the channels `shown`, each of (height, width) pixels, one pixel apart. */
export interface LayerActivations {
  path: string;
  class: string;
  dims: readonly number[];
  statistics: Statistics;
  units: number;
  dead: number;
  rows: number;
  maps: number;
  file: string | null;
  shown: readonly number[];
  tile: readonly number[] | null;
}

export interface AttentionMaps {
  path: string;
  heads: number;
  shown: number;
  queries: number;
  keys: number;
  file: string;
  tile: readonly number[];
}

export interface ActivationsReport {
  target: string;
  weights: string;
  sample: ExplainedSample;
  prediction: Prediction;
  layers: readonly LayerActivations[];
  attention: readonly AttentionMaps[];
}

export interface ActivationsParams {
  folder: string;
}

export interface ActivationsResult {
  report: ActivationsReport;
}

export interface WeightsParams {
  source: string;
  names: readonly string[];
}

export interface WeightsResult {
  path: string;
  tensors: readonly TensorReport[];
}

export interface TensorValuesParams {
  source: string;
  name: string;
  start?: number;
}

export interface TensorValuesResult {
  tensor: TensorValues;
}

/** LSP's own: 0-based line, 0-based character in UTF-16 units. */
export interface LspPosition {
  line: number;
  character: number;
}

export interface ModelsParams {
  uri: string;
}

export interface ModelsResult {
  models: readonly ModelSite[];
}

export interface GraphParams {
  uri: string;
  target?: string | null;
  position?: LspPosition | null;
  path?: string;
  node?: string | null;
  inner?: readonly string[];
  overlay?: string | null;
  base?: string | null;
  run?: string | null;
  step?: number | null;
}

export interface Crumb {
  path: string;
  name: string;
}

export interface GraphResult {
  uri: string;
  target: string | null;
  version: number;
  stale: boolean;
  title: string;
  breadcrumbs: readonly Crumb[];
  level: Level | null;
  message: string | null;
  inner: readonly Level[];
  selected: string | null;
  overlay: Overlay | null;
  base: string | null;
}

export interface FindNodesParams {
  uri: string;
  target: string;
  query: string;
}

export interface FindNodesResult {
  hits: readonly Hit[];
}

export interface GraphTextParams {
  uri: string;
  target: string;
  format: "mermaid" | "json";
  path?: string;
}

export interface GraphTextResult {
  text: string;
}

export interface CompareParams {
  uri: string;
  target: string;
  base: string;
}

export interface CompareResult {
  diff: GraphDiff;
}

export interface BasesParams {
  uri: string;
  target: string;
}

export interface BasesResult {
  revisions: readonly string[];
  models: readonly string[];
}

export interface NodeAtParams {
  uri: string;
  position: LspPosition;
  graph_uri: string;
  target: string;
  path?: string;
  inner?: readonly string[];
}

export interface NodeAtResult {
  id: string | null;
}

export interface TrainOptionsParams {
  uri: string;
  target?: string | null;
}

export interface TrainOptionsResult {
  models: readonly ModelSite[];
  data: readonly DataFactory[];
  device: string;
}

export interface RunsParams {
  uri?: string | null;
}

export interface RunsResult {
  runs: readonly Run[];
  folders: readonly string[];
}

export interface RunMetricsParams {
  folder: string;
  start?: number;
}

export interface RunMetricsResult {
  run: Run;
  folder: string;
  rows: readonly MetricRow[];
  next: number;
  thinned: number;
}

export interface RunLogParams {
  folder: string;
}

export interface RunLogResult {
  text: string;
}

export interface StatusNotification {
  state: "starting" | "ready" | "analysing" | "restricted" | "error";
  text: string;
  detail: string;
  device: string | null;
}

export interface TraceChangedNotification {
  uri: string;
  version: number;
}

export interface RunChangedNotification {
  folder: string;
  run: Run;
}

/** The methods' names. Requests go to the server, notifications come from it. */
export const methods = {
  models: "pymodel/models",
  graph: "pymodel/graph",
  nodeAt: "pymodel/nodeAt",
  findNodes: "pymodel/findNodes",
  graphText: "pymodel/graphText",
  bases: "pymodel/bases",
  compare: "pymodel/compare",
  trainOptions: "pymodel/trainOptions",
  runs: "pymodel/runs",
  runMetrics: "pymodel/runMetrics",
  runLog: "pymodel/runLog",
  weights: "pymodel/weights",
  tensorValues: "pymodel/tensorValues",
  activations: "pymodel/activations",
  status: "pymodel/status",
  traceChanged: "pymodel/traceChanged",
  runChanged: "pymodel/runChanged",
} as const;
