/** The card over the bottom of the graph: what is known of the selected node. */

import type { Dims, Level, Node } from "../../src/protocol";
import { element, format } from "../shared/dom";
import type { FileArgument, FileNode } from "./adapter";
import type { Strings } from "./messages";
import { formatAmount, formatShape, shortType } from "./words";

export interface CardActions {
  reveal(id: string): void;
  open(id: string): void;
  close(): void;
}

type Content = string | HTMLElement;

export class Card {
  readonly root = element("section", { className: "card", hidden: true });

  constructor(
    private readonly strings: Strings,
    private readonly actions: CardActions,
  ) {}

  get height(): number {
    return this.root.hidden ? 0 : this.root.offsetHeight;
  }

  hide(): void {
    this.root.hidden = true;
  }

  showNode(node: Node, level: Level): void {
    const { strings } = this;
    const dtypes = (end: "from" | "to") =>
      new Set(level.edges.filter((edge) => edge[end] === node.id).map(({ dtype }) => dtype));
    this.fill(node.name, shortType(node), [
      ["", node.error === null ? "" : element("span", { className: "fault", textContent: node.error })],
      [strings.arguments, code(node.arguments)],
      [strings.inputs, shapes(node.inputs, dtypes("to"))],
      [strings.outputs, shapes(node.outputs, dtypes("from"))],
      [strings.parametersRow, node.parameters > 0 ? formatAmount(node.parameters) : ""],
      [strings.operations, node.flops === 0 ? "" : formatAmount(node.flops)],
      ["", node.repeats > 1 ? format(strings.repeats, node.repeats) : ""],
      [strings.module, node.path !== null && node.path !== node.name ? code(node.path) : ""],
      [strings.source, this.sourceLink(node)],
      ["", this.openLink(node)],
    ]);
  }

  showFileNode(node: FileNode): void {
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

  private fill(name: string, type: string, rows: (readonly [label: string, content: Content])[]): void {
    const close = element("button", {
      className: "icon close",
      textContent: "×",
      title: this.strings.close,
      onclick: () => this.actions.close(),
    });
    const title = element("h2", {}, element("bdi", { textContent: name || type }));
    if (name && name !== type) {
      title.append(" ", element("bdi", { className: "type", textContent: type }));
    }
    const list = element("dl");
    for (const [label, content] of rows) {
      if (content !== "" && !(content instanceof HTMLElement && content.textContent === "")) {
        list.append(element("dt", { textContent: label }), element("dd", {}, content));
      }
    }
    this.root.replaceChildren(close, title, list);
    this.root.hidden = false;
    this.root.scrollTop = 0;
  }

  private sourceLink(node: Node): Content {
    if (node.range === null) {
      return "";
    }
    const file = node.range.path.split(/[\\/]/).at(-1);
    return this.link(`${file}:${node.range.start.line}`, () => this.actions.reveal(node.id));
  }

  private openLink(node: Node): Content {
    return node.children > 0 ? this.link(this.strings.open, () => this.actions.open(node.id)) : "";
  }

  private link(text: string, onclick: () => void): HTMLElement {
    return element("button", { className: "link", textContent: text, onclick });
  }
}

function code(text: string): HTMLElement {
  return element("code", { dir: "auto", textContent: text });
}

function shapes(all: readonly Dims[], dtypes: ReadonlySet<string>): Content {
  const dtype = dtypes.size === 1 ? ` ${[...dtypes][0]}` : "";
  return all.length === 0 ? "" : code(all.map(formatShape).join(", ") + dtype);
}

function describe({ value }: FileArgument): string {
  const named = value.map(({ name, type }) => (type ? `${name} ${type}` : name));
  return named.join(", ");
}

function preview(value: unknown): string {
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`;
}
