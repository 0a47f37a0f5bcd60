/** What stands on a node: its type, a way in, its name, its size, what it is coloured by, what changed, its fault. */

import type { Node } from "../../src/protocol";
import type { Strings } from "./messages";
import type { LevelNode } from "./model";
import { CHANGE_SIGNS, clip, ellipsis, formatAmount, shortType } from "./words";

const LONGEST_ROW = 32;

export interface NodeText {
  title: string;
  tooltip: string;
  /** The button that opens what is inside, in place, or closes it; null where there is nothing below. */
  opener: { sign: string; tooltip: string } | null;
  rows: readonly { bold: string; plain: string }[];
}

export function describeNode({ node, reading, opened }: LevelNode, strings: Strings): NodeText {
  const type = shortType(node);
  const rows = [];
  if (node.name !== type) {
    rows.push({ bold: ellipsis(node.name, LONGEST_ROW), plain: "" });
  }
  if (reading !== null) {
    rows.push({ bold: "", plain: ellipsis(reading.words, LONGEST_ROW) });
  } else if (node.parameters > 0) {
    rows.push({ bold: "", plain: `${formatAmount(node.parameters)} ${strings.parameters}` });
  }
  if (node.change !== null) {
    rows.push({ bold: `${CHANGE_SIGNS[node.change]} ${strings.changes[node.change]}`, plain: "" });
  }
  if (node.error !== null) {
    rows.push({ bold: "", plain: `⚠ ${ellipsis(node.error.split("\n", 1)[0] ?? "", LONGEST_ROW)}` });
  }
  return {
    title: ellipsis(node.repeats > 1 ? `${type} ×${node.repeats}` : type, LONGEST_ROW),
    tooltip: clip(node.id),
    opener: opener(node, opened !== null, strings),
    rows,
  };
}

function opener(node: Node, isOpen: boolean, strings: Strings): NodeText["opener"] {
  if (node.children === 0) {
    return null;
  }
  return isOpen ? { sign: "−", tooltip: strings.collapse } : { sign: "+", tooltip: strings.expand };
}
