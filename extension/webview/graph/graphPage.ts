/** The graph page: shows a level as a drawing or as a tree, and tells what is clicked, typed and pointed at. */

import { Canvas, type FileNode } from "./adapter";
import type {
  FileBytes,
  FileToRead,
  FromPage,
  Inside,
  PageState,
  Range,
  SavedFormat,
  ShownLevel,
  Strings,
  ToPage,
} from "./messages";
import { type Item, innerPath, LevelGraph, LevelNode } from "./model";
import { Page } from "./page";
import { colour } from "./palette";
import { drawPng, drawSvg } from "./picture";
import { SparseFile } from "./sparseFile";
import { shortType } from "./words";

const STATE_SETTLES_MS = 200;

/** Where the page is: what it says goes there, and what is to outlive it. */
export interface Host {
  post(message: FromPage): void;
  save(state: PageState): void;
  saved(): PageState | null;
}

export class GraphPage {
  private readonly page: Page;
  private canvas!: Canvas;
  private shown: ShownLevel | undefined;
  /** The model that is shown, or was shown last. */
  private target: string | undefined;
  private graph: LevelGraph | undefined;
  private selected: string | null = null;
  private pointedAt: string | null = null;
  private asTree: boolean;
  /** What was shown as a tree alone is drawn when it is wanted. */
  private drawn = false;
  /** Of which node the inside is shown or asked for, and out of what. */
  private inside = "";
  /** Closed by hand, the card stays away until a node is clicked. */
  private cardWanted = true;
  private diff: Extract<ToPage, { type: "diff" }>["diff"] | undefined;
  private saving: number | undefined;
  private awaited: { file: number; resolve: (bytes: ArrayBuffer | null) => void } | undefined;

  static async create(strings: Strings, host: Host): Promise<GraphPage> {
    const view = new GraphPage(strings, host);
    view.canvas = await Canvas.create(new URL("./netron/", import.meta.url), strings);
    view.listen();
    return view;
  }

  private constructor(
    private readonly strings: Strings,
    private readonly host: Host,
  ) {
    this.asTree = host.saved()?.view === "tree";
    this.page = new Page(document.getElementById("page") as HTMLElement, strings, {
      zoom: (factor) => this.zoom(factor),
      open: (path) => host.post({ type: "open", path }),
      reveal: (id) => host.post({ type: "reveal", id }),
      goTo: (id) => host.post({ type: "goTo", id }),
      select: (id) => this.choose(id),
      expand: (path, open) => host.post({ type: "expand", path, open }),
      find: (query) => host.post({ type: "find", query }),
      leaveFind: () => this.focus(),
      goToStep: (step) => host.post({ type: "step", step }),
      inspect: (what) => host.post({ type: "inspect", what }),
      askValues: (name, start) => host.post({ type: "values", name, start }),
      colourBy: (name) => host.post({ type: "overlay", name }),
      showTree: (shown) => void this.showTree(shown),
      save: (format) => void this.saveAs(format),
      close: () => this.closeCard(),
      showChanges: () => this.diff && this.page.showDiff(this.diff),
      endCompare: () => host.post({ type: "endCompare" }),
      act: (command) => host.post({ type: "action", command }),
    });
  }

  async receive(message: Exclude<ToPage, { type: "strings" | "bytes" }>): Promise<void> {
    switch (message.type) {
      case "level":
        return this.showLevel(message.shown);
      case "select":
        if (this.shown !== undefined && message.id !== this.selected) {
          this.select(message.id);
        }
        return;
      case "hover":
        return this.canvas.hover(message.id);
      case "found":
        return this.page.toolbar.showHits(message.query, message.hits);
      case "diff":
        this.diff = message.diff;
        return this.page.showDiff(message.diff);
      case "inside":
        return this.showInside(message.id, message.inside);
      case "values":
        return this.page.card.inside.showValues(message.tensor);
      case "placeholder":
        this.forget();
        return this.page.showPlaceholder(message.placeholder);
      case "file":
        this.forget();
        this.page.announceFile(message.file.name);
        await this.drawFile(message.file);
        return this.page.showFile();
    }
  }

  showFailure(text: string): void {
    this.forget();
    this.page.showPlaceholder({ text: `${this.strings.failed} ${text}`, busy: false });
  }

  private async drawFile({ id, name, size }: FileToRead): Promise<void> {
    const fetch = (ranges: readonly Range[]) =>
      new Promise<ArrayBuffer | null>((resolve) => {
        this.awaited = { file: id, resolve };
        this.host.post({ type: "read", file: id, ranges });
      });
    await this.canvas.drawFile(name, new SparseFile(size, fetch));
  }

  /** Bytes come while a file is being drawn. */
  receiveBytes({ file, bytes }: FileBytes): void {
    if (file === this.awaited?.file) {
      this.awaited.resolve(bytes);
    }
  }

  private async showLevel(shown: ShownLevel): Promise<void> {
    const before = this.shown;
    const isSame = before?.target === shown.target && before.level.path === shown.level.path;
    this.page.showLevel(shown, this.asTree);
    if (this.target !== shown.target) {
      this.target = shown.target;
      this.page.toolbar.forget();
    }
    if (shown.level.nodes.length === 0) {
      this.forget();
      this.page.showPlaceholder({ text: this.strings.empty, busy: false });
      return;
    }
    this.shown = shown;
    if (!isSame || contentOf(before) !== contentOf(shown)) {
      const content = {
        level: shown.level,
        inner: new Map(shown.inner.map((level) => [level.path, level])),
        readings: new Map(shown.overlay?.readings.map((reading) => [reading.id, reading])),
      };
      // A node keeps being selected under the name that it has once it is opened or closed.
      const selected = this.selected === null ? undefined : this.graph?.find(this.selected)?.item;
      this.graph = new LevelGraph(content, isSame ? this.graph : undefined);
      this.selected = selected?.key ?? null;
      this.drawn = this.drawn && isSame;
      await this.draw();
      this.select(this.nodeToSelect(before, shown));
      this.restoreViewport(before);
    } else if (shown.selected !== null) {
      this.select(shown.selected);
    }
    this.saveState();
  }

  /** The tree at once; the drawing only where it is seen. */
  private async draw(): Promise<void> {
    const { graph, shown } = this;
    if (graph === undefined || shown === undefined) {
      return;
    }
    if (this.asTree) {
      this.drawn = false;
      this.page.tree.show(graph, this.selected);
    } else {
      const colours = shown.overlay === null ? new Map() : colour(shown.overlay);
      await this.canvas.draw(graph, colours, this.drawn);
      this.drawn = true;
    }
  }

  private async showTree(asTree: boolean): Promise<void> {
    this.asTree = asTree;
    if (this.shown !== undefined) {
      this.page.showLevel(this.shown, asTree);
      await this.draw();
      this.select(this.selected);
      this.focus();
    }
  }

  /** The node that was asked for, or was selected, or was come up from. */
  private nodeToSelect(before: ShownLevel | undefined, shown: ShownLevel): string | null {
    const saved = this.host.saved();
    const sought =
      shown.selected ??
      (before === undefined && isStateOf(saved, shown)
        ? saved.selected
        : before?.level.path === shown.level.path
          ? this.selected
          : (before?.breadcrumbs[shown.breadcrumbs.length]?.path ?? null));
    return sought !== null && this.graph?.find(sought) ? sought : null;
  }

  private restoreViewport(before: ShownLevel | undefined): void {
    const saved = this.host.saved();
    if (before === undefined && this.shown?.selected === null && isStateOf(saved, this.shown) && this.drawn) {
      this.canvas.viewport = saved;
    }
  }

  /** Selects a node because a person did so here. */
  private choose(id: string): void {
    this.cardWanted = true;
    this.select(id);
    this.host.post({ type: "reveal", id });
  }

  private select(id: string | null): void {
    this.selected = id;
    const found = id === null ? null : this.graph?.find(id);
    if (found && this.cardWanted) {
      this.page.card.showNode(found.item.key, found.item.node, found.graph.level);
      this.lookInside(found.item);
    } else {
      this.page.card.hide();
      this.inside = "";
    }
    this.page.say(found ? `${found.item.node.name} ${shortType(found.item.node)}` : "");
    const covered = this.page.fitCard();
    if (this.asTree) {
      this.page.tree.mark(id);
    } else {
      this.canvas.select(id, covered);
    }
    this.saveState();
  }

  /** Asks what is inside of a node, unless that is shown already. */
  private lookInside({ key, node }: Item): void {
    const inspected = this.shown?.inspected ?? null;
    const wanted = inspected === null || node.path === null ? "" : JSON.stringify([key, inspected]);
    if (wanted === "") {
      this.page.card.inside.hide();
    } else if (wanted !== this.inside) {
      this.page.card.inside.wait();
      this.host.post({ type: "inside", id: key });
    }
    this.inside = wanted;
  }

  private showInside(id: string, inside: Inside): void {
    const found = id === this.selected ? this.graph?.find(id) : undefined;
    if (found) {
      this.page.card.inside.show(found.item.node, inside);
      this.page.fitCard();
    }
  }

  private selectFileNode(node: FileNode): void {
    this.page.card.showFileNode(node);
    this.canvas.select(node, this.page.fitCard());
  }

  private closeCard(): void {
    this.cardWanted = false;
    this.page.card.hide();
    this.page.fitCard();
    this.focus();
  }

  private focus(): void {
    this.asTree ? this.page.tree.focus() : this.page.target.focus();
  }

  private forget(): void {
    this.shown = undefined;
    this.graph = undefined;
    this.selected = null;
    this.drawn = false;
    this.canvas.clear();
  }

  private listen(): void {
    const { target } = this.page;
    // In the capture phase: Netron, which would open its sidebar, does not get to see clicks.
    target.addEventListener("click", (event) => this.onClick(event), { capture: true });
    target.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    target.addEventListener("scroll", () => this.saveState(), { passive: true });
    target.addEventListener("pointerover", (event) => this.pointAt(this.nodeAt(event)));
    target.addEventListener("pointerleave", () => this.pointAt(null));
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  private nodeAt(event: Event): string | null {
    const at = event.target instanceof Element ? this.canvas.at(event.target) : null;
    return at !== null && "id" in at ? at.id : null;
  }

  private pointAt(id: string | null): void {
    if (id !== this.pointedAt) {
      this.pointedAt = id;
      this.host.post({ type: "hover", id });
    }
  }

  private onClick(event: MouseEvent): void {
    if (event.target instanceof Element && event.target.closest(".expander") !== null) {
      return;
    }
    event.stopPropagation();
    this.page.target.focus({ preventScroll: true });
    const clicked = event.target instanceof Element ? this.canvas.at(event.target) : null;
    if (clicked === null) {
      this.select(null);
    } else if ("file" in clicked) {
      this.selectFileNode(clicked.file);
    } else if ((event.target as Element).closest(".opener") !== null) {
      this.expand(clicked.id);
    } else {
      this.choose(clicked.id);
    }
  }

  private onDoubleClick(event: MouseEvent): void {
    const id = this.nodeAt(event);
    if (id !== null && (event.target as Element).closest(".opener") === null) {
      this.open(id);
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (this.shown === undefined) {
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "f" && !event.altKey) {
      this.page.toolbar.focusFind();
      event.preventDefault();
      return;
    }
    const inControl = event.target instanceof HTMLElement && event.target.matches("button, input, select");
    const act = KEYS[event.key];
    if (act !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey && !inControl) {
      act(this.commands);
      event.preventDefault();
    }
  }

  private readonly commands: Commands = {
    open: () => this.selected !== null && this.open(this.selected),
    expand: () => this.selected !== null && this.expand(this.selected),
    up: () => this.goUp(),
    unselect: () => this.select(null),
    zoom: (factor) => this.zoom(factor),
    follow: (direction) => this.follow(direction),
    step: (by) => this.step(by),
    find: () => this.page.toolbar.focusFind(),
    tree: () => void this.showTree(!this.asTree),
  };

  private open(id: string): void {
    const node = this.graph?.find(id)?.item.node;
    if (node !== undefined && node.children > 0) {
      this.host.post({ type: "open", path: node.id });
    }
  }

  private expand(id: string): void {
    const item = this.graph?.find(id)?.item;
    if (item instanceof LevelNode && item.node.children > 0) {
      this.host.post({ type: "expand", path: innerPath(item.node), open: item.opened === null });
    }
  }

  private zoom(factor: number): void {
    this.canvas.zoomBy(factor);
    this.saveState();
  }

  private goUp(): void {
    const above = this.shown?.breadcrumbs.at(-2);
    if (above !== undefined) {
      this.host.post({ type: "open", path: above.path });
    }
  }

  /** To the next node along the flow, or to the first one. */
  private follow(direction: "down" | "up"): void {
    const at = this.selected === null ? null : this.graph?.find(this.selected);
    const next = at ? at.graph.neighbours(at.item.node.id, direction)[0] : this.keys[0];
    if (next !== undefined) {
      this.choose(next);
    }
  }

  /** To the node before or after in the order executed: so every node can be reached. */
  private step(by: -1 | 1): void {
    const { keys } = this;
    const next = this.selected === null ? keys[0] : keys[keys.indexOf(this.selected) + by];
    if (next !== undefined) {
      this.choose(next);
    }
  }

  private get keys(): string[] {
    return [...(this.graph?.all() ?? [])].map(({ key }) => key);
  }

  private async saveAs(format: SavedFormat): Promise<void> {
    try {
      const isPicture = format === "svg" || format === "png";
      if (isPicture && this.asTree) {
        await this.showTree(false);
      }
      const data = format === "svg" ? drawSvg() : format === "png" ? await drawPng() : null;
      this.host.post({ type: "save", format, data });
    } catch (error) {
      this.host.post({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  private saveState(): void {
    window.clearTimeout(this.saving);
    this.saving = window.setTimeout(() => {
      if (this.shown !== undefined) {
        const { uri, target, level, inner, overlay, inspected } = this.shown;
        this.host.save({
          uri,
          target,
          path: level.path,
          inner: inner.map(({ path }) => path),
          overlay: overlay?.name ?? null,
          inspected,
          view: this.asTree ? "tree" : "graph",
          selected: this.selected,
          ...this.canvas.viewport,
        });
      }
    }, STATE_SETTLES_MS);
  }
}

interface Commands {
  open(): void;
  expand(): void;
  up(): void;
  unselect(): void;
  zoom(factor: number): void;
  follow(direction: "down" | "up"): void;
  step(by: -1 | 1): void;
  find(): void;
  tree(): void;
}

const KEYS: Record<string, (commands: Commands) => void> = {
  Enter: ({ open }) => open(),
  " ": ({ expand }) => expand(),
  Backspace: ({ up }) => up(),
  Escape: ({ unselect }) => unselect(),
  "+": ({ zoom }) => zoom(1.2),
  "-": ({ zoom }) => zoom(1 / 1.2),
  ArrowDown: ({ follow }) => follow("down"),
  ArrowUp: ({ follow }) => follow("up"),
  ArrowRight: ({ step }) => step(1),
  ArrowLeft: ({ step }) => step(-1),
  "/": ({ find }) => find(),
  t: ({ tree }) => tree(),
};

/** What a change of which is drawn anew. */
function contentOf({ level, inner, overlay }: ShownLevel): string {
  return JSON.stringify([level, inner, overlay]);
}

function isStateOf(state: PageState | null, shown: ShownLevel): state is PageState {
  return state !== null && state.target === shown.target && state.path === shown.level.path;
}
