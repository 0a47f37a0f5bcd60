/** What stands on a node: its type, a way in, its name, its size and its fault. */

import type { Node } from "../../src/protocol";
import type { Strings } from "./messages";
import { ellipsis, formatAmount, shortType } from "./words";

const LONGEST_ROW = 32;

export interface NodeText {
  title: string;
  tooltip: string;
  /** The tooltip of the button that goes down; null where there is nothing below. */
  opener: string | null;
  rows: readonly { bold: string; plain: string }[];
}

export function describeNode(node: Node, strings: Strings): NodeText {
  const type = shortType(node);
  const rows = [];
  if (node.name !== type) {
    rows.push({ bold: ellipsis(node.name, LONGEST_ROW), plain: "" });
  }
  if (node.parameters > 0) {
    rows.push({ bold: "", plain: `${formatAmount(node.parameters)} ${strings.parameters}` });
  }
  if (node.error !== null) {
    rows.push({ bold: "", plain: `⚠ ${ellipsis(node.error.split("\n", 1)[0] ?? "", LONGEST_ROW)}` });
  }
  return {
    title: ellipsis(node.repeats > 1 ? `${type} ×${node.repeats}` : type, LONGEST_ROW),
    tooltip: node.id,
    opener: node.children > 0 ? strings.open : null,
    rows,
  };
}
