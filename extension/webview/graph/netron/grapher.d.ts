/** The part of Netron 9.3.3's grapher.js that is used. */

export interface HeaderEntry {
  content: string;
  tooltip: string;
  padding: number;
  element: SVGGElement;
}

export interface Header {
  _entries: HeaderEntry[];
  add(id: null, classes: string[]): HeaderEntry;
}

export interface RowList {
  argument(name: string, text: string): object;
  add(row: object): void;
}

export class Graph {
  readonly nodes: Map<string, { label: Node }>;
  readonly edges: Map<string, { label: { labelElement?: SVGGraphicsElement } }>;
  width?: number;
  height?: number;
  originX?: number;
  originY?: number;
  build(document: Document, origin?: Element): void;
  measure(): Promise<void>;
  layout(worker?: object): Promise<string>;
  update(): void;
}

export class Node {
  /** What it was drawn from: a node, or an argument for the graph's inputs and outputs. */
  value: unknown;
  element: SVGGElement;
  /** The graph that it is a node of: Netron's class `view.Graph`. */
  context: Graph;
  /** The first is the header. */
  blocks: object[];
  /** What leads to a graph that the node holds, and what opens it in place. */
  definition?: HeaderEntry;
  expander?: HeaderEntry;
  list(): RowList;
  build(document: Document, parent: Element): void;
}

export class Edge {
  label?: string;
  /** Netron's drawn value; its own `value` is the model's. */
  value?: { value: unknown };
  build(document: Document, paths: Element, hitTests: Element, labels: Element): void;
}
