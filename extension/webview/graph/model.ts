/** A level in the shape that Netron draws: its graph, nodes and arguments, and a value for each pair of nodes. */

import type { Dims, Level, Node } from "../../src/protocol";
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

  get name(): string {
    return this.node.name;
  }
}

export class LevelNode {
  readonly inputs: [LevelArgument] = [{ name: "in", value: [] }];
  readonly outputs: [LevelArgument] = [{ name: "out", value: [] }];
  constructor(public node: Node) {}

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

export class LevelGraph {
  readonly items = new Map<string, Item>();
  readonly nodes: LevelNode[] = [];
  readonly inputs: LevelBoundary[] = [];
  readonly outputs: LevelBoundary[] = [];
  readonly identifier = "";
  readonly modules = [this];

  /** Nodes that were there before stay the same objects: Netron then moves them where they belong now. */
  constructor(
    readonly level: Level,
    before?: LevelGraph,
  ) {
    for (const node of level.nodes) {
      this.add(node, before?.items.get(node.id));
    }
    this.connect(level);
  }

  get name(): string {
    return this.level.path;
  }

  /** The nodes that something flows to, or from, a node. */
  neighbours(id: string, direction: "down" | "up"): string[] {
    const [from, to] = direction === "down" ? (["from", "to"] as const) : (["to", "from"] as const);
    return this.level.edges.filter((edge) => edge[from] === id).map((edge) => edge[to]);
  }

  private add(node: Node, before: Item | undefined): void {
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
