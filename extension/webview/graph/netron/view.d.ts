/** The part of Netron 9.3.3's view.js that the adapter uses. The contract test watches that it is still there. */

import type { Graph, Node } from "./grapher.js";

export interface ModelLike {
  identifier: string;
  format?: string;
  producer?: string | null;
  modules: unknown[];
  functions?: unknown[];
}

/** A graph as drawn: Netron's class `view.Graph`, which it does not export. */
export interface DrawnGraph extends Graph {
  readonly values: Map<unknown, { build(): void }>;
  zoom: number;
  add(graph: unknown): void;
  find(value: unknown): Node | null;
  select(values: unknown[] | null, source?: string): Element[] | null;
  scrollTo(elements: Element[] | null, behavior?: ScrollBehavior): void;
}

export interface Layer {
  target: unknown;
  signature: null;
}

export class View {
  constructor(host: object);
  _model: ModelLike | null;
  _path: Layer[];
  /** `names`: nodes are called by their names, not their types. */
  readonly _options: { names: boolean };
  readonly target: DrawnGraph | null;
  readonly activeTarget: unknown;
  _modelFactoryService: { open(context: object): Promise<ModelLike> };
  render(graph: unknown, signature: null): Promise<string>;
  refresh(anchor?: { value: unknown; rect: DOMRect }): Promise<void>;
  show(page: string | null): void;
  error(error: Error, name?: string | null, screen?: string | null): Promise<void>;
  dispose(): void;
}
