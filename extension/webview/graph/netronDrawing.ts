/** What is added to Netron's drawing: a node's name, size and fault, and the shapes along an edge. */

import type { Node as LevelNodeData } from "../../src/protocol";
import type { Strings } from "./messages";
import { LevelBoundary, LevelNode, Value } from "./model";
import { Edge, Node } from "./netron/grapher.js";
import { ellipsis, formatAmount, shortType } from "./words";

const LONGEST_ROW = 32;

/** Netron shows a node's type alone, and no edge's label of more than 16 characters. */
export function extendDrawing(strings: Strings): void {
  const buildNode = Node.prototype.build;
  Node.prototype.build = function (document, parent) {
    const drawn = this.value;
    if (drawn instanceof LevelNode) {
      prepare(this, drawn.node, strings);
    }
    buildNode.call(this, document, parent);
    if (drawn instanceof LevelNode) {
      this.element.classList.toggle("failed", drawn.node.error !== null);
      this.element.classList.toggle("opens", drawn.node.children > 0);
    } else if (drawn instanceof LevelBoundary) {
      this.element.classList.add("boundary");
    }
  };
  const buildEdge = Edge.prototype.build;
  Edge.prototype.build = function (document, paths, hitTests, labels) {
    const value = this.value?.value;
    if (value instanceof Value && value.label !== "") {
      this.label = value.label;
    }
    buildEdge.call(this, document, paths, hitTests, labels);
  };
}

function prepare(drawing: Node, node: LevelNodeData, strings: Strings): void {
  const [header] = drawing.blocks;
  const [title] = header?._entries ?? [];
  if (header === undefined || title === undefined) {
    return;
  }
  title.content = ellipsis(node.repeats > 1 ? `${shortType(node)} ×${node.repeats}` : shortType(node), LONGEST_ROW);
  title.tooltip = node.id;
  if (node.children > 0) {
    const opener = header.add(null, ["node-item-type", "opener"]);
    opener.content = "+";
    opener.tooltip = strings.open;
    opener.padding = 7;
  }
  const rows: [name: string, text: string][] = [];
  if (node.name !== shortType(node)) {
    rows.push([ellipsis(node.name, LONGEST_ROW), ""]);
  }
  if (node.parameters > 0) {
    rows.push(["", `${formatAmount(node.parameters)} ${strings.parameters}`]);
  }
  if (node.error !== null) {
    rows.push(["", `⚠ ${ellipsis(node.error.split("\n", 1)[0] ?? "", LONGEST_ROW)}`]);
  }
  if (rows.length > 0) {
    const list = drawing.list();
    for (const [name, text] of rows) {
      list.add(list.argument(name, text));
    }
  }
}
