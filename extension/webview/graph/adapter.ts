/**
 * The only file that knows Netron. It draws one level of a model, or a model file, into the page's `#target`.
 *
 * Netron's own screens, menus and sidebars are never opened: clicks are caught before they reach it, and its host asks
 * nothing of the outside. What is relied on is declared in `netron/*.d.ts` and watched by the contract test.
 */

import { InnerBlock } from "./innerBlock";
import type { Strings } from "./messages";
import { LevelBoundary, type LevelGraph, LevelNode, Value } from "./model";
import { Edge, Graph, type Header, Node } from "./netron/grapher.js";
import { type DrawnGraph, type ModelLike, View } from "./netron/view.js";
import { NetronHost } from "./netronHost";
import { describeNode, type NodeText } from "./nodeText";
import type { Colours } from "./palette";
import type { SparseFile } from "./sparseFile";

export type { DrawnGraph };

/** What a model file holds for one of its nodes, as Netron tells it. */
export interface FileNode {
  name: string;
  type: { name: string };
  inputs?: readonly FileArgument[];
  outputs?: readonly FileArgument[];
  attributes?: readonly { name: string; value: unknown }[];
}

export interface FileArgument {
  name: string;
  value: readonly { name: string; type?: { toString(): string } | null; initializer?: unknown }[];
}

const TOP_MARGIN = 24;
const SIDE_MARGINS = 24;
/** Text that is smaller is hard to read. */
const SMALLEST_FIT = 0.75;

export interface Viewport {
  zoom: number;
  left: number;
  top: number;
}

/** What the drawing takes from the page: its words, and the colours of nodes by their ids. */
interface Looks {
  readonly strings: Strings;
  colours: ReadonlyMap<string, Colours>;
}

/** Netron shows a node's type alone, and no edge's label of more than 16 characters: more is added as it draws. */
function extendDrawing(looks: Looks, view: View): void {
  const buildNode = Node.prototype.build;
  Node.prototype.build = function (document, parent) {
    const drawn = this.value;
    // Netron's own waits three frames for fonts, which a page of the system's fonts has from the start.
    this.context.measure = Graph.prototype.measure;
    if (drawn instanceof LevelNode) {
      write(this, describeNode(drawn, looks.strings));
      if (drawn.opened !== null) {
        this.blocks.push(new InnerBlock(createInner(this.context, drawn.opened, view)));
      }
    } else if (this.definition) {
      // What leads to another page of Netron's.
      const header = this.blocks[0] as Header;
      header._entries = header._entries.filter((entry) => entry !== this.definition);
    }
    buildNode.call(this, document, parent);
    this.expander?.element.classList.add("expander");
    if (drawn instanceof LevelNode) {
      const { id, error, children, change } = drawn.node;
      this.element.classList.toggle("failed", error !== null);
      this.element.classList.toggle("opens", children > 0);
      this.element.classList.toggle("opened", drawn.opened !== null);
      this.element.classList.toggle(`change-${change}`, change !== null);
      paint(this.element, looks.colours.get(id));
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

/** A graph inside a node, of the class of the graph around it. */
function createInner(around: Graph, level: LevelGraph, view: View): DrawnGraph {
  const inner = new (around.constructor as new (view: View, compound: boolean) => DrawnGraph)(view, false);
  inner.add(level);
  drawings.set(level, inner);
  return inner;
}

/** What an inner level was last drawn as. */
const drawings = new WeakMap<LevelGraph, DrawnGraph>();

function paint(element: SVGGElement, colours: Colours | undefined): void {
  element.classList.toggle("coloured", colours !== undefined);
  if (colours !== undefined) {
    element.style.setProperty("--fill", colours.fill);
    element.style.setProperty("--ink", colours.text);
  }
}

function write(drawing: Node, { title, tooltip, opener, rows }: NodeText): void {
  const header = drawing.blocks[0] as Header;
  Object.assign(header._entries[0] as object, { content: title, tooltip });
  if (opener !== null) {
    const entry = header.add(null, ["node-item-type", "opener"]);
    Object.assign(entry, { content: opener.sign, tooltip: opener.tooltip, padding: 7 });
  }
  if (rows.length > 0) {
    const list = drawing.list();
    for (const { bold, plain } of rows) {
      list.add(list.argument(bold, plain));
    }
  }
}

/** A view that only draws. */
class DrawingView extends View {
  override show(): void {}

  override async error(error: Error): Promise<void> {
    throw error;
  }
}

export class Canvas {
  private readonly view: DrawingView;
  private readonly target: HTMLElement;
  private graph: LevelGraph | undefined;

  private constructor(
    private readonly host: NetronHost,
    private readonly looks: Looks,
  ) {
    this.view = new DrawingView(host);
    this.target = document.getElementById("target") as HTMLElement;
    extendDrawing(looks, this.view);
  }

  /** `netron` is the folder of its files. The page has elements with the ids `target` and `sidebar`. */
  static async create(netron: URL, strings: Strings): Promise<Canvas> {
    return new Canvas(await NetronHost.create(netron), { strings, colours: new Map() });
  }

  /** Draws a level. With `still` what is in the middle of the viewport stays there, at the same zoom. */
  async draw(graph: LevelGraph, colours: ReadonlyMap<string, Colours>, still: boolean): Promise<void> {
    this.graph = graph;
    this.looks.colours = colours;
    const zoom = this.view.target?.zoom ?? 1;
    if (!still || this.view.target === null) {
      await this.render(graph, graph);
      return this.scrollToTop();
    }
    const anchor = this.findAnchor(graph);
    this.view._model = graph;
    this.view._path = [{ target: graph, signature: null }];
    await this.view.refresh(anchor);
    this.drawn.zoom = zoom;
  }

  /** Draws a model file's main graph. Throws what Netron says is wrong with it. */
  async drawFile(name: string, file: SparseFile): Promise<void> {
    this.graph = undefined;
    await file.read(async (stream) => {
      const model = await this.view._modelFactoryService.open(this.host.openFile(name, stream));
      const [graph] = model.modules as { nodes: readonly FileNode[] }[];
      if (graph === undefined) {
        throw new Error("This file holds no graph.");
      }
      // Where nothing flows there are weights alone, and their names say what they are.
      this.view._options.names = !graph.nodes.some(({ outputs }) => outputs && outputs.length > 0);
      if (!file.isMissed) {
        await this.render(model, graph);
      }
    });
    this.scrollToTop();
  }

  clear(): void {
    this.graph = undefined;
    this.view._model = null;
    this.view._path = [];
    void this.view.render(null, null);
  }

  /** The id of the level's node, or the file's node, that an element of the page is part of. */
  at(element: Element): { id: string } | { file: FileNode } | null {
    const drawn = element.closest("g.node");
    for (const item of drawn === null ? [] : (this.graph?.all() ?? [])) {
      if (this.elementOf(item.key) === drawn) {
        return { id: item.key };
      }
    }
    for (const { label } of this.view.target?.nodes.values() ?? []) {
      if (label.element === drawn && isFileNode(label.value)) {
        return { file: label.value };
      }
    }
    return null;
  }

  /** Marks a node, or none, and scrolls as far as is needed to see it above what covers the bottom. */
  select(selected: string | FileNode | null, covered: number): void {
    const target = this.view.target;
    const found = typeof selected === "string" ? this.lookUp(selected) : { drawn: target, value: selected };
    const drawn = found?.drawn ?? target;
    const elements = drawn?.select(found?.value ? [found.value] : null, "page") ?? [];
    if (target !== null && elements.length > 0) {
      target.scrollTo(elements, "instant");
      const hidden = (elements[0] as Element).getBoundingClientRect().bottom - (this.bottom - covered - 8);
      if (hidden > 0) {
        this.target.scrollTop += hidden;
      }
    }
  }

  /** Lights a node that something points at, or none. */
  hover(id: string | null): void {
    for (const lit of this.target.querySelectorAll(".hovered")) {
      lit.classList.remove("hovered");
    }
    if (id !== null) {
      this.elementOf(id)?.classList.add("hovered");
    }
  }

  get viewport(): Viewport {
    return { zoom: this.view.target?.zoom ?? 1, left: this.target.scrollLeft, top: this.target.scrollTop };
  }

  set viewport({ zoom, left, top }: Viewport) {
    this.drawn.zoom = zoom;
    this.target.scrollTo({ left, top, behavior: "instant" });
  }

  zoomBy(factor: number): void {
    if (this.view.target !== null) {
      this.view.target.zoom *= factor;
    }
  }

  private async render(model: ModelLike, graph: unknown): Promise<void> {
    this.view._model = model;
    this.view._path = [{ target: graph, signature: null }];
    const status = await this.view.render(graph, null);
    if (status !== "") {
      throw new Error(`Netron did not draw the graph (${status}).`);
    }
  }

  /** Netron leaves a wide margin; the graph begins near the top instead, and as wide as the page if it can be read so. */
  private scrollToTop(): void {
    const { width = 0 } = this.drawn;
    this.drawn.zoom = Math.min(Math.max((this.target.clientWidth - SIDE_MARGINS) / width, SMALLEST_FIT), 1);
    const first = this.target.querySelector(".graph-input, .graph-node");
    if (first !== null) {
      this.target.scrollTop += first.getBoundingClientRect().top - this.target.getBoundingClientRect().top - TOP_MARGIN;
    }
  }

  /** A node by its key, and the graph that it is drawn in. */
  private lookUp(key: string): { drawn: DrawnGraph; value: unknown } | null {
    const found = this.graph?.find(key);
    const drawn = found && (found.graph === this.graph ? this.view.target : drawings.get(found.graph));
    return found && drawn ? { drawn, value: found.item } : null;
  }

  private elementOf(key: string): SVGGElement | undefined {
    const found = this.lookUp(key);
    return found?.drawn.find(found.value)?.element;
  }

  private get drawn(): DrawnGraph {
    if (this.view.target === null) {
      throw new Error("Nothing is drawn.");
    }
    return this.view.target;
  }

  /** The node nearest to the middle of the viewport that the next graph has too, and where it is now. */
  private findAnchor(next: LevelGraph): { value: unknown; rect: DOMRect } | undefined {
    const { left, top, width, height } = this.target.getBoundingClientRect();
    let nearest: { value: unknown; rect: DOMRect; distance: number } | undefined;
    for (const item of next.items.values()) {
      const rect = this.drawn.find(item)?.element.getBoundingClientRect();
      if (rect !== undefined) {
        const [x, y] = [rect.left + rect.width / 2, rect.top + rect.height / 2];
        const distance = Math.hypot(x - left - width / 2, y - top - height / 2);
        if (nearest === undefined || distance < nearest.distance) {
          nearest = { value: item, rect, distance };
        }
      }
    }
    return nearest;
  }

  private get bottom(): number {
    return this.target.getBoundingClientRect().bottom;
  }
}

function isFileNode(value: unknown): value is FileNode {
  return typeof value === "object" && value !== null && "type" in value && "inputs" in value;
}
