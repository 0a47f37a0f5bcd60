/** A level in the shape that Netron draws: its graph, nodes and arguments, and a value for each pair of nodes. */

import type { Dims, Level, Node, Reading } from "../../src/protocol";
import { categoryOf } from "./categories";
import { formatShapes, shortType } from "./words";

/** What flows from one node to another. Netron knows it by the name of its class. */
export class Value {
  readonly type = null;
  readonly initializer = null;
  label = "";
  constructor(readonly name: string) {}
}

export interface LevelArgument {
  readonly name: string;
  value: Value[];
}

/** An input or output of the level: Netron draws it as such. */
export class LevelBoundary implements LevelArgument {
  value: Value[] = [];
  constructor(public node: Node) {}

  get key(): string {
    return this.node.id;
  }

  get name(): string {
    return this.node.name;
  }
}

export class LevelNode {
  readonly inputs: [LevelArgument] = [{ name: "in", value: [] }];
  readonly outputs: [LevelArgument] = [{ name: "out", value: [] }];
  /** What is opened in place. (To Netron, `inner` is something else.) */
  opened: LevelGraph | null = null;
  reading: Reading | null = null;
  constructor(public node: Node) {}

  /** What the page calls it: a row that stands open has another name than the first of its blocks. */
  get key(): string {
    return this.opened === null ? this.node.id : innerPath(this.node);
  }

  get name(): string {
    return this.node.name;
  }

  get identifier(): string {
    return this.node.id;
  }

  get type(): { name: string; category: string } {
    return { name: shortType(this.node), category: categoryOf(this.node.type) };
  }
}

export type Item = LevelNode | LevelBoundary;

/** What is drawn: a level, what is opened in it, and what its nodes are coloured by. */
export interface Content {
  level: Level;
  inner: ReadonlyMap<string, Level>;
  readings: ReadonlyMap<string, Reading>;
}

/** The path of the level that opens in place of a node: of a row, its blocks one by one. */
export function innerPath(node: Node): string {
  return node.repeats > 1 ? `${node.id}×${node.repeats}` : node.id;
}

export class LevelGraph {
  readonly items = new Map<string, Item>();
  readonly nodes: LevelNode[] = [];
  readonly inputs: LevelBoundary[] = [];
  readonly outputs: LevelBoundary[] = [];
  readonly identifier = "";
  readonly modules = [this];
  readonly level: Level;

  /** Nodes that were there before stay the same objects: Netron then moves them where they belong now. */
  constructor(content: Content, before?: LevelGraph | null) {
    this.level = content.level;
    for (const node of content.level.nodes) {
      this.add(node, content, before?.items.get(node.id));
    }
    this.connect(content.level);
  }

  get name(): string {
    return this.level.path;
  }

  /** The item of this name, in this graph or in one that is opened in it, and the graph that it is in. */
  find(key: string): { graph: LevelGraph; item: Item } | null {
    for (const { opened } of this.nodes) {
      const found = opened?.find(key);
      if (found) {
        return found;
      }
    }
    for (const item of this.items.values()) {
      if (item.key === key) {
        return { graph: this, item };
      }
    }
    return null;
  }

  /** Every item, those that are opened in place after the node that holds them. */
  *all(): Generator<Item> {
    for (const item of this.items.values()) {
      yield item;
      if (item instanceof LevelNode && item.opened !== null) {
        yield* item.opened.all();
      }
    }
  }

  /** The keys of the nodes that something flows to, or from, a node. */
  neighbours(id: string, direction: "down" | "up"): string[] {
    const [from, to] = direction === "down" ? (["from", "to"] as const) : (["to", "from"] as const);
    const next = this.level.edges.filter((edge) => edge[from] === id).map((edge) => this.items.get(edge[to])?.key);
    return next.filter((key) => key !== undefined);
  }

  private add(node: Node, content: Content, before: Item | undefined): void {
    const isBoundary = node.kind === "input" || node.kind === "output";
    const item = before instanceof (isBoundary ? LevelBoundary : LevelNode) ? before : undefined;
    if (isBoundary) {
      const boundary = (item as LevelBoundary | undefined) ?? new LevelBoundary(node);
      boundary.value = [];
      (node.kind === "input" ? this.inputs : this.outputs).push(boundary);
      this.keep(boundary, node);
    } else {
      const drawn = (item as LevelNode | undefined) ?? new LevelNode(node);
      drawn.inputs[0].value = [];
      drawn.outputs[0].value = [];
      const level = node.children > 0 ? content.inner.get(innerPath(node)) : undefined;
      drawn.opened = level ? new LevelGraph({ ...content, level }, drawn.opened) : null;
      drawn.reading = content.readings.get(node.id) ?? null;
      this.nodes.push(drawn);
      this.keep(drawn, node);
    }
  }

  private keep(item: Item, node: Node): void {
    item.node = node;
    this.items.set(node.id, item);
  }

  /** Netron draws one edge between two nodes: all tensors that flow between them share it. */
  private connect(level: Level): void {
    const flows = new Map<string, { from: Item; to: Item; shapes: Dims[] }>();
    for (const edge of level.edges) {
      const [from, to] = [this.items.get(edge.from), this.items.get(edge.to)];
      if (from !== undefined && to !== undefined) {
        const key = JSON.stringify([edge.from, edge.to]);
        const flow = flows.get(key) ?? { from, to, shapes: [] };
        flow.shapes.push(edge.dims);
        flows.set(key, flow);
      }
    }
    for (const [index, { from, to, shapes }] of [...flows.values()].entries()) {
      const value = new Value(`flow-${index}`);
      value.label = formatShapes(shapes);
      valuesLeaving(from).push(value);
      valuesEntering(to).push(value);
    }
  }
}

function valuesLeaving(item: Item): Value[] {
  return item instanceof LevelNode ? item.outputs[0].value : item.value;
}

function valuesEntering(item: Item): Value[] {
  return item instanceof LevelNode ? item.inputs[0].value : item.value;
}
