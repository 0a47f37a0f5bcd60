/** The graph page: takes messages one after another, draws what is wanted last, and tells what is clicked. */

import "../shared/theme.css";
import "./style.css";
import { Canvas, type FileNode } from "./adapter";
import {
  type FromPage,
  isPageState,
  isToPage,
  type PageState,
  type ShownLevel,
  type Strings,
  type ToPage,
} from "./messages";
import { LevelGraph } from "./model";
import { Page } from "./page";

const STATE_SETTLES_MS = 200;

const vscode = acquireVsCodeApi<PageState>();
const inbox: ToPage[] = [];
let receiving = false;
let view: GraphPage | undefined;

window.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
  if (isToPage(data)) {
    inbox.push(data);
    void receiveAll();
  }
});
post({ type: "ready", state: savedState() });

async function receiveAll(): Promise<void> {
  if (receiving) {
    return;
  }
  receiving = true;
  for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) {
    try {
      await receive(message);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      view?.showFailure(text);
      post({ type: "failed", message: text });
    }
  }
  receiving = false;
}

async function receive(message: ToPage): Promise<void> {
  if (message.type === "strings") {
    view ??= await GraphPage.create(message.strings);
  } else if (message.type === "select") {
    view?.selectFromEditor(message.id);
  } else if (!inbox.some(({ type }) => type === "level" || type === "placeholder" || type === "file")) {
    await view?.show(message);
  }
}

class GraphPage {
  private readonly page: Page;
  private canvas!: Canvas;
  private shown: ShownLevel | undefined;
  private graph: LevelGraph | undefined;
  private selected: string | null = null;
  /** Closed by hand, the card stays away until a node is clicked. */
  private cardWanted = true;
  private saving: number | undefined;

  static async create(strings: Strings): Promise<GraphPage> {
    const view = new GraphPage(strings);
    view.canvas = await Canvas.create(new URL("./netron/", import.meta.url), strings);
    view.listen();
    return view;
  }

  private constructor(private readonly strings: Strings) {
    this.page = new Page(document.getElementById("page") as HTMLElement, strings, {
      zoom: (factor) => this.canvas.zoomBy(factor),
      open: (path) => post({ type: "open", path }),
      reveal: (id) => post({ type: "reveal", id }),
      close: () => this.closeCard(),
      closeFile: () => post({ type: "closeFile" }),
      act: (command) => post({ type: "action", command }),
    });
  }

  async show(message: Exclude<ToPage, { type: "strings" | "select" }>): Promise<void> {
    switch (message.type) {
      case "level":
        return this.showLevel(message.shown);
      case "placeholder":
        this.forget();
        return this.page.showPlaceholder(message.placeholder);
      case "file":
        this.forget();
        this.page.showPlaceholder({ text: this.strings.drawing, busy: true });
        await this.canvas.drawFile(message.name, message.bytes);
        return this.page.showFile(message.name);
    }
  }

  showFailure(text: string): void {
    this.forget();
    this.page.showPlaceholder({ text: `${this.strings.failed} ${text}`, busy: false });
  }

  selectFromEditor(id: string | null): void {
    if (this.shown !== undefined && id !== this.selected) {
      this.select(id);
    }
  }

  private async showLevel(shown: ShownLevel): Promise<void> {
    const before = this.shown;
    const isSame = before?.target === shown.target && before.level.path === shown.level.path;
    this.page.showLevel(shown.breadcrumbs, shown.stale);
    if (shown.level.nodes.length === 0) {
      this.forget();
      this.page.showPlaceholder({ text: this.strings.empty, busy: false });
      return;
    }
    this.shown = shown;
    if (!isSame || JSON.stringify(before.level) !== JSON.stringify(shown.level)) {
      const graph = new LevelGraph(shown.level, isSame ? this.graph : undefined);
      await this.canvas.draw(graph, isSame);
      this.graph = graph;
      this.select(this.nodeToSelect(before, shown));
      this.restoreViewport(before);
    }
    this.save();
  }

  /** The node that was selected, or the one that was come up from. */
  private nodeToSelect(before: ShownLevel | undefined, shown: ShownLevel): string | null {
    const saved = savedState();
    const sought =
      before === undefined && isStateOf(saved, shown)
        ? saved.selected
        : before?.level.path === shown.level.path
          ? this.selected
          : (before?.breadcrumbs[shown.breadcrumbs.length]?.path ?? null);
    return sought !== null && this.graph?.items.has(sought) ? sought : null;
  }

  private restoreViewport(before: ShownLevel | undefined): void {
    const saved = savedState();
    if (before === undefined && this.shown !== undefined && isStateOf(saved, this.shown)) {
      this.canvas.viewport = saved;
    }
  }

  private select(id: string | null): void {
    this.selected = id;
    const node = id === null ? undefined : this.graph?.items.get(id)?.node;
    if (node !== undefined && this.shown !== undefined && this.cardWanted) {
      this.page.card.showNode(node, this.shown.level);
    } else {
      this.page.card.hide();
    }
    this.page.fitCard();
    this.canvas.select(id, this.page.card.height);
    this.save();
  }

  private selectFileNode(node: FileNode): void {
    this.page.card.showFileNode(node);
    this.page.fitCard();
    this.canvas.select(node, this.page.card.height);
  }

  private closeCard(): void {
    this.cardWanted = false;
    this.page.card.hide();
    this.page.fitCard();
    this.page.target.focus();
  }

  private forget(): void {
    this.shown = undefined;
    this.graph = undefined;
    this.selected = null;
    this.canvas.clear();
  }

  private listen(): void {
    const { target } = this.page;
    // In the capture phase: Netron, which would open its sidebar, does not get to see clicks.
    target.addEventListener("click", (event) => this.onClick(event), { capture: true });
    target.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    target.addEventListener("scroll", () => this.save(), { passive: true });
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  private onClick(event: MouseEvent): void {
    event.stopPropagation();
    this.page.target.focus({ preventScroll: true });
    const clicked = event.target instanceof Element ? this.canvas.at(event.target) : null;
    if (clicked === null) {
      this.select(null);
    } else if ("file" in clicked) {
      this.selectFileNode(clicked.file);
    } else if ((event.target as Element).closest(".opener") !== null) {
      post({ type: "open", path: clicked.id });
    } else {
      this.cardWanted = true;
      this.select(clicked.id);
      post({ type: "reveal", id: clicked.id });
    }
  }

  private onDoubleClick(event: MouseEvent): void {
    const clicked = event.target instanceof Element ? this.canvas.at(event.target) : null;
    if (clicked !== null && "id" in clicked && (event.target as Element).closest(".opener") === null) {
      this.open(clicked.id);
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.shown === undefined) {
      return;
    }
    const inControl = event.target instanceof HTMLButtonElement;
    if (event.key === "Enter" && this.selected !== null && !inControl) {
      this.open(this.selected);
    } else if (event.key === "Backspace") {
      this.goUp();
    } else if (event.key === "Escape") {
      this.select(null);
    } else if (event.key === "+" || event.key === "-") {
      this.canvas.zoomBy(event.key === "+" ? 1.2 : 1 / 1.2);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.move(event.key === "ArrowDown" ? "down" : "up");
    } else {
      return;
    }
    event.preventDefault();
  }

  private open(id: string): void {
    if ((this.graph?.items.get(id)?.node.children ?? 0) > 0) {
      post({ type: "open", path: id });
    }
  }

  private goUp(): void {
    const above = this.shown?.breadcrumbs.at(-2);
    if (above !== undefined) {
      post({ type: "open", path: above.path });
    }
  }

  /** To the next node along the flow, or to the first one. */
  private move(direction: "down" | "up"): void {
    const next =
      this.selected === null ? this.shown?.level.nodes[0]?.id : this.graph?.neighbours(this.selected, direction)[0];
    if (next !== undefined) {
      this.cardWanted = true;
      this.select(next);
      post({ type: "reveal", id: next });
    }
  }

  private save(): void {
    window.clearTimeout(this.saving);
    this.saving = window.setTimeout(() => {
      if (this.shown !== undefined) {
        const { uri, target, level } = this.shown;
        vscode.setState({ uri, target, path: level.path, selected: this.selected, ...this.canvas.viewport });
      }
    }, STATE_SETTLES_MS);
  }
}

function isStateOf(state: PageState | null, shown: ShownLevel): state is PageState {
  return state !== null && state.target === shown.target && state.path === shown.level.path;
}

function savedState(): PageState | null {
  const state = vscode.getState();
  return isPageState(state) ? state : null;
}

function post(message: FromPage): void {
  vscode.postMessage(message);
}
