/** Shapes and numbers as people write them. */

import type { Change, Dim, Dims, Node } from "../../src/protocol";

const LONGEST_LABEL = 36;
const LONGEST_TEXT = 2000;

/** So that no change is told by its colour alone. */
export const CHANGE_SIGNS: Record<Change, string> = { added: "+", removed: "−", changed: "≠", reshaped: "↔" };

/** `B×64×10×10`; what is more than a product stands in parentheses: `B×64×(H//2)`. */
export function formatShape(dims: Dims): string {
  return dims.length === 0 ? "()" : dims.map(formatDim).join("×");
}

/** An edge's label: the shapes of all tensors along it, as far as they fit. */
export function formatShapes(shapes: readonly Dims[]): string {
  const texts = [...new Set(shapes.map(formatShape))];
  const [first = "", ...more] = texts;
  const all = texts.join(", ");
  const label = all.length <= LONGEST_LABEL ? all : more.length > 0 ? `${first} +${more.length}` : first;
  return ellipsis(label, LONGEST_LABEL);
}

/** A name of a megabyte would be laid out as one. */
export function clip(text: string): string {
  return ellipsis(text, LONGEST_TEXT);
}

export function ellipsis(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

/** A number with its thousands apart, or an expression over the model's symbols. */
export function formatAmount(amount: number | string): string {
  return typeof amount === "number"
    ? amount.toLocaleString()
    : withDots(amount).replaceAll(/\d{5,}/g, (digits) => Number(digits).toLocaleString());
}

/** A byte count, or an expression for one: `27.5 kB`. */
export function formatBytes(amount: number | string): string {
  if (typeof amount === "string") {
    return `${formatAmount(amount)} bytes`;
  }
  const step = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(amount, 1)) / 3)));
  const scaled = amount / 1000 ** step;
  return `${scaled.toLocaleString(undefined, { maximumSignificantDigits: 3 })} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/** What a type is called on a node: `torch.nn.functional.relu` is `relu`. */
export function shortType(node: Node): string {
  return node.kind === "op" ? (node.type.split(".").at(-1) ?? node.type) : node.type;
}

function formatDim(dim: Dim): string {
  const text = withDots(String(dim));
  return /[-+/% ]|\*\*/.test(text) ? `(${text})` : text;
}

/** Products with a dot: `9·B`. A power keeps its stars. */
function withDots(expression: string): string {
  return expression.replaceAll(/(?<!\*)\*(?!\*)/g, "·");
}
