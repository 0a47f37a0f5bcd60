/** The same graph as a tree of words: for screen readers, and for those who prefer it. */

import { element } from "../shared/dom";
import type { Strings } from "./messages";
import { innerPath, type LevelGraph, LevelNode } from "./model";
import { CHANGE_SIGNS, clip, formatAmount, formatShape, shortType } from "./words";

export interface TreeActions {
  select(id: string): void;
  expand(path: string, open: boolean): void;
  open(id: string): void;
}

export class Tree {
  readonly root: HTMLElement;
  private rows = new Map<string, HTMLElement>();

  constructor(
    private readonly strings: Strings,
    private readonly actions: TreeActions,
  ) {
    this.root = element("div", { className: "tree", hidden: true, attributes: { role: "tree" } });
    this.root.setAttribute("aria-label", strings.graph);
    this.root.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(graph: LevelGraph, selected: string | null): void {
    const hadFocus = this.root.contains(document.activeElement);
    this.rows = new Map();
    this.root.replaceChildren(...this.items(graph, 1));
    this.mark(selected);
    if (hadFocus) {
      this.current?.focus();
    }
  }

  /** Marks a row, or none, and scrolls it into view. */
  mark(selected: string | null): void {
    for (const [key, row] of this.rows) {
      row.setAttribute("aria-selected", String(key === selected));
      row.tabIndex = -1;
    }
    const row = (selected === null ? undefined : this.rows.get(selected)) ?? this.rows.values().next().value;
    if (row !== undefined) {
      row.tabIndex = 0;
      row.scrollIntoView({ block: "nearest" });
    }
  }

  focus(): void {
    this.current?.focus();
  }

  private get current(): HTMLElement | undefined {
    return [...this.rows.values()].find(({ tabIndex }) => tabIndex === 0);
  }

  private *items(graph: LevelGraph, depth: number): Generator<HTMLElement> {
    for (const item of graph.items.values()) {
      const row = element("div", { className: "row", tabIndex: -1, attributes: { role: "treeitem" } });
      row.setAttribute("aria-level", String(depth));
      row.style.setProperty("--depth", String(depth - 1));
      row.append(...this.describe(item instanceof LevelNode ? item : null, item.node));
      row.addEventListener("click", () => this.actions.select(item.key));
      row.addEventListener("dblclick", () => this.actions.open(item.node.id));
      this.rows.set(item.key, row);
      if (item instanceof LevelNode && item.node.children > 0) {
        row.setAttribute("aria-expanded", String(item.opened !== null));
        row.prepend(this.twistie(item));
      }
      yield row;
      if (item instanceof LevelNode && item.opened !== null) {
        yield* this.items(item.opened, depth + 1);
      }
    }
  }

  private twistie(item: LevelNode): HTMLElement {
    const sign = item.opened === null ? "+" : "−";
    const onclick = (event: MouseEvent) => {
      event.stopPropagation();
      this.actions.expand(innerPath(item.node), item.opened === null);
    };
    return element("span", { className: "twistie", textContent: sign, onclick, attributes: { "aria-hidden": "true" } });
  }

  private *describe(item: LevelNode | null, node: LevelNode["node"]): Generator<HTMLElement> {
    const word = (className: string, textContent: string) =>
      element("bdi", { className, textContent: clip(textContent) });
    const type = shortType(node);
    yield word("name", node.name);
    if (type !== node.name && type !== node.kind) {
      yield word("type", node.repeats > 1 ? `${type} ×${node.repeats}` : type);
    }
    if (node.outputs.length > 0) {
      yield word("shape", node.outputs.map(formatShape).join(", "));
    }
    if (item?.reading) {
      yield word("reading", item.reading.words);
    } else if (node.parameters > 0) {
      yield word("reading", `${formatAmount(node.parameters)} ${this.strings.parameters}`);
    }
    if (node.change !== null) {
      yield word(`change change-${node.change}`, `${CHANGE_SIGNS[node.change]} ${this.strings.changes[node.change]}`);
    }
    if (node.error !== null) {
      yield word("fault", `⚠ ${node.error.split("\n", 1)[0]}`);
    }
  }

  private onKey(event: KeyboardEvent): void {
    const keys = [...this.rows.keys()];
    const at = keys.findIndex((key) => this.rows.get(key) === document.activeElement);
    const key = keys[at];
    const row = key === undefined ? undefined : this.rows.get(key);
    if (key === undefined || row === undefined || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const isOpen = row.getAttribute("aria-expanded");
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: keys.length - 1 }[event.key];
    if (to !== undefined) {
      this.move(keys[to]);
    } else if (event.key === "ArrowRight") {
      isOpen === "false" ? this.toggle(row) : this.move(keys[at + 1]);
    } else if (event.key === "ArrowLeft") {
      isOpen === "true" ? this.toggle(row) : this.move(this.parentOf(keys, at));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private toggle(row: HTMLElement): void {
    row.querySelector<HTMLElement>(".twistie")?.click();
  }

  private parentOf(keys: string[], at: number): string | undefined {
    const depth = (index: number) => Number(this.rows.get(keys[index] as string)?.ariaLevel);
    for (let index = at - 1; index >= 0; index -= 1) {
      if (depth(index) < depth(at)) {
        return keys[index];
      }
    }
    return undefined;
  }

  private move(key: string | undefined): void {
    if (key !== undefined) {
      this.actions.select(key);
      this.rows.get(key)?.focus();
    }
  }
}
