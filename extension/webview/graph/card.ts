/** The card below the graph: what is known of the selected node, or a table of what changed. */

import type { Dims, GraphDiff, Level, Node, NodeFacts } from "../../src/protocol";
import { element, format } from "../shared/dom";
import type { FileArgument, FileNode } from "./adapter";
import { InsideView } from "./inside";
import type { Strings } from "./messages";
import { CHANGE_SIGNS, clip, formatAmount, formatBytes, formatShape, shortType } from "./words";

export interface CardActions {
  askValues(name: string, start: number): void;
  reveal(id: string): void;
  open(id: string): void;
  goTo(id: string): void;
  close(): void;
}

type Content = string | HTMLElement;

export class Card {
  readonly root: HTMLElement;
  readonly inside: InsideView;

  constructor(
    private readonly strings: Strings,
    private readonly actions: CardActions,
  ) {
    this.inside = new InsideView(strings, actions.askValues);
    const attributes = { "aria-label": strings.details };
    this.root = element("section", { className: "card", hidden: true, tabIndex: 0, attributes });
  }

  hide(): void {
    this.root.hidden = true;
  }

  showNode(key: string, node: Node, level: Level): void {
    const { strings } = this;
    const dtypes = (end: "from" | "to") =>
      new Set(level.edges.filter((edge) => edge[end] === node.id).map(({ dtype }) => dtype));
    this.fill(node.name, shortType(node), [
      ["", node.error === null ? "" : element("span", { className: "fault", textContent: clip(node.error) })],
      [strings.arguments, code(node.arguments)],
      [strings.inputs, shapes(node.inputs, dtypes("to"))],
      [strings.outputs, shapes(node.outputs, node.dtype === null ? dtypes("from") : new Set([node.dtype]))],
      [strings.parametersRow, this.parameters(node)],
      [strings.weights, this.weights(node)],
      [strings.operations, node.flops === 0 ? "" : formatAmount(node.flops)],
      [strings.activations, node.activation_bytes === 0 ? "" : formatBytes(node.activation_bytes)],
      [strings.change, node.change === null ? "" : `${CHANGE_SIGNS[node.change]} ${strings.changes[node.change]}`],
      ["", node.repeats > 1 ? format(strings.repeats, node.repeats) : ""],
      [strings.module, node.path !== null && node.path !== node.name ? code(node.path) : ""],
      [strings.source, this.sourceLink(key, node)],
      ["", this.openLink(node)],
    ]);
  }

  showFileNode(node: FileNode): void {
    this.inside.hide();
    const attributes = (node.attributes ?? []).map(({ name, value }): [string, Content] => [
      name,
      code(preview(value)),
    ]);
    this.fill(node.name, node.type.name, [
      ...attributes,
      ...(node.inputs ?? []).map((each): [string, Content] => [each.name, code(describe(each))]),
      ...(node.outputs ?? []).map((each): [string, Content] => [`→ ${each.name}`, code(describe(each))]),
    ]);
  }

  /** Every node that differs, and the whole, before and after. */
  showDiff(diff: GraphDiff): void {
    const { strings } = this;
    const head = element("tr");
    const headings = [
      strings.change,
      strings.node,
      strings.shape,
      strings.parametersRow,
      strings.operations,
      strings.activations,
    ];
    for (const heading of headings) {
      head.append(element("th", { textContent: heading, attributes: { scope: "col" } }));
    }
    const rows = diff.changes.map(({ id, change, before, after }) => {
      const name = after === null ? code(id) : this.link(clip(id), () => this.actions.goTo(id));
      return row(`${CHANGE_SIGNS[change]} ${strings.changes[change]}`, name, before, after);
    });
    const total = row("", strings.total, diff.before, diff.after);
    total.className = "total";
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows, total));
    const content = diff.changes.length === 0 ? element("p", { textContent: strings.same }) : table;
    this.root.replaceChildren(this.closeButton(), element("h2", { textContent: strings.showChanges }), content);
    this.appear();
  }

  private fill(name: string, type: string, rows: (readonly [label: string, content: Content])[]): void {
    const title = element("h2", {}, element("bdi", { textContent: clip(name || type) }));
    if (name && name !== type) {
      title.append(" ", element("bdi", { className: "type", textContent: clip(type) }));
    }
    const list = element("dl");
    for (const [label, content] of rows) {
      if (content !== "" && !(content instanceof HTMLElement && content.textContent === "")) {
        list.append(element("dt", { textContent: label }), element("dd", {}, content));
      }
    }
    this.root.replaceChildren(this.closeButton(), title, this.inside.root, list);
    this.appear();
  }

  private appear(): void {
    this.root.hidden = false;
    this.root.scrollTop = 0;
  }

  private closeButton(): HTMLElement {
    const { close } = this.strings;
    const onclick = () => this.actions.close();
    return element("button", { className: "icon close", textContent: "×", title: close, ariaLabel: close, onclick });
  }

  private parameters({ parameters, trainable, path }: Node): Content {
    if (parameters === 0) {
      return "";
    }
    const frozen = path !== null ? parameters - trainable : 0;
    return frozen > 0
      ? `${formatAmount(parameters)} (${format(this.strings.frozen, formatAmount(frozen))})`
      : formatAmount(parameters);
  }

  private weights({ weights }: Node): Content {
    const lines = weights.map(({ name, dims, dtype }) => `${name} ${formatShape(dims)} ${dtype}`);
    return lines.length === 0 ? "" : element("code", { className: "lines", textContent: lines.join("\n") });
  }

  private sourceLink(key: string, node: Node): Content {
    if (node.range === null) {
      return "";
    }
    const file = node.range.path.split(/[\\/]/).at(-1);
    return this.link(`${file}:${node.range.start.line}`, () => this.actions.reveal(key));
  }

  private openLink(node: Node): Content {
    return node.children > 0 ? this.link(this.strings.open, () => this.actions.open(node.id)) : "";
  }

  private link(text: string, onclick: () => void): HTMLElement {
    return element("button", { className: "link", textContent: text, onclick });
  }
}

function code(text: string): HTMLElement {
  return element("code", { dir: "auto", textContent: clip(text) });
}

function shapes(all: readonly Dims[], dtypes: ReadonlySet<string>): Content {
  const dtype = dtypes.size === 1 ? ` ${[...dtypes][0]}` : "";
  return all.length === 0 ? "" : code(all.map(formatShape).join(", ") + dtype);
}

function row(change: string, name: Content, before: NodeFacts | null, after: NodeFacts | null): HTMLTableRowElement {
  const both = (read: (facts: NodeFacts) => string) => {
    const sides = [before, after].flatMap((facts) => (facts === null ? [] : [read(facts)]));
    return [...new Set(sides)].join(" → ");
  };
  const cells: Content[] = [
    change,
    name,
    both(({ outputs }) => outputs.map(formatShape).join(", ")),
    both(({ parameters }) => formatAmount(parameters)),
    both(({ flops }) => formatAmount(flops)),
    both(({ activation_bytes }) => formatAmount(activation_bytes)),
  ];
  return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
}

function describe({ value }: FileArgument): string {
  const named = value.map(({ name, type }) => (type ? `${name} ${type}` : name));
  return named.join(", ");
}

function preview(value: unknown): string {
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`;
}
