/** What one graph page shows: a level of a model, kept up to date with the server. */

import { basename } from "node:path";
import * as vscode from "vscode";
import {
  type FromPage,
  type InspectedThing,
  isFromPage,
  type Placeholder,
  RUN_OVERLAYS,
  type ToPage,
} from "../../webview/graph/messages";
import type { Context } from "../context";
import { describe } from "../log";
import {
  type CompareParams,
  type CompareResult,
  type FindNodesParams,
  type FindNodesResult,
  type GraphParams,
  type GraphResult,
  methods,
  type Node,
  type NodeAtParams,
  type NodeAtResult,
  type RunChangedNotification,
  type StatusNotification,
  type TraceChangedNotification,
} from "../protocol";
import { type Base, chooseBase } from "./graphBase";
import { GraphCursor, type Model, type Place } from "./graphCursor";
import { GraphInspection } from "./graphInspection";
import { graphPage } from "./graphPage";
import { saveGraph } from "./graphSave";
import { graphStrings } from "./graphStrings";

export class GraphSession implements vscode.Disposable {
  private webview: vscode.Webview | undefined;
  /** The page listens. It is gone, and comes back empty, whenever its view is hidden. */
  private listening = false;
  private model: Model | undefined;
  private path = "";
  /** The paths of the levels that are opened in place. */
  private inner = new Set<string>();
  private overlay: string | null = null;
  /** The sampled step of a run to colour by; null for the last one. */
  private step: number | null = null;
  private base: Base | undefined;
  private readonly inspection: GraphInspection;
  /** A node to go to with the next level. */
  private sought: string | null = null;
  private result: GraphResult | undefined;
  private state: StatusNotification["state"] = "starting";
  private refreshing = false;
  private moreWanted = false;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly context: Context,
    private readonly cursor: GraphCursor,
  ) {
    this.inspection = new GraphInspection(context);
    this.subscriptions = [
      cursor.onDidEnterModel((model) => this.enter(model)),
      cursor.onDidMove((place) => this.light("select", place)),
      cursor.onDidHover((place) => this.light("hover", place)),
      context.onDidStart(() => this.refresh()),
      context.onNotification<TraceChangedNotification>(methods.traceChanged, ({ uri }) => {
        if (uri === this.model?.uri.toString()) {
          void this.refresh();
        }
      }),
      context.onNotification<RunChangedNotification>(methods.runChanged, ({ folder }) => {
        if (folder === this.inspection.run && this.isOfRun && this.step === null) {
          void this.refresh();
        }
      }),
      context.onNotification<StatusNotification>(methods.status, ({ state }) => this.onStatus(state)),
    ];
  }

  get shownModel(): Model | undefined {
    return this.model;
  }

  /** Shows in a view or panel; the page asks for the rest once it is there. */
  attach(webview: vscode.Webview): void {
    this.listening = false;
    this.webview = webview;
    webview.onDidReceiveMessage((message) => this.onMessage(message));
    webview.html = graphPage(webview, this.context.extension);
  }

  /** The page is gone: hidden or closed. */
  detach(): void {
    this.listening = false;
  }

  /** Shows a model as a whole, and what the run in the folder `run` has learned, if one is named. */
  async show(model: Model, run?: string): Promise<void> {
    this.enter(model);
    if (run !== undefined) {
      this.inspection.lookIntoRun(run, basename(run));
    }
    await this.refresh();
  }

  /** Asks with what to compare the shown model, and marks what differs. */
  async compare(): Promise<void> {
    const { uri, target } = this.model ?? {};
    if (uri === undefined || !target) {
      throw new Error(vscode.l10n.t("Open the graph of a model first."));
    }
    const base = await chooseBase(this.context, uri.toString(), target);
    if (base === undefined) {
      return;
    }
    const comparing = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t("Comparing with {0}", base.label),
    };
    const params = { uri: uri.toString(), target, base: base.id };
    const { diff } = await vscode.window.withProgress(comparing, () =>
      this.context.request<CompareParams, CompareResult>(methods.compare, params),
    );
    this.base = base;
    await this.refresh();
    this.post({ type: "diff", diff });
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Shows the model as a whole: another one anew, the same one by going back up to it. */
  private enter(model: Model): void {
    if (model.target === null || model.target !== this.model?.target) {
      this.model = model;
      this.result = undefined;
      this.inner.clear();
      this.base = undefined;
    } else if (this.path === "") {
      return;
    }
    this.path = "";
    void this.refresh();
  }

  private async onMessage(message: unknown): Promise<void> {
    try {
      if (!isFromPage(message)) {
        throw new Error("the page sent a message that is none of its own");
      }
      await this.answer(message);
    } catch (error) {
      this.context.log.error(`The graph: ${describe(error)}`);
    }
  }

  private async answer(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.listening = true;
        this.post({ type: "strings", strings: graphStrings() });
        if (this.model === undefined && message.state !== null) {
          this.model = { uri: vscode.Uri.parse(message.state.uri), target: message.state.target };
          this.path = message.state.path;
          this.inner = new Set(message.state.inner);
          this.overlay = message.state.overlay;
          this.inspection.inspected = message.state.inspected;
        }
        return this.refresh();
      case "open":
        this.path = message.path;
        return this.refresh();
      case "expand":
        message.open ? this.inner.add(message.path) : this.inner.delete(message.path);
        return this.refresh();
      case "reveal":
        return this.reveal(message.id);
      case "hover":
        return this.cursor.point(message.id === null ? null : (this.findNode(message.id)?.range ?? null));
      case "find":
        return this.find(message.query);
      case "goTo":
        this.sought = message.id;
        return this.refresh();
      case "overlay":
        return this.colourBy(message.name);
      case "step":
        this.step = message.step;
        return this.refresh();
      case "inspect":
        return this.inspect(message.what);
      case "inside":
        return this.lookInside(message.id);
      case "values": {
        const tensor = await this.inspection.readValues(message.name, message.start);
        return tensor && this.post({ type: "values", tensor });
      }
      case "save":
        return this.result && saveGraph(this.context, this.result, message.format, message.data);
      case "endCompare":
        this.base = undefined;
        return this.refresh();
      case "action":
        await vscode.commands.executeCommand(message.command, this.model?.uri, this.model?.target);
        return;
      case "failed":
        return this.context.log.error(`The graph page: ${message.message}`);
      case "read":
        throw new Error("the page of a model's graph asked for a file");
    }
  }

  private get isOfRun(): boolean {
    return RUN_OVERLAYS.some((each) => each === this.overlay);
  }

  private async colourBy(name: string | null): Promise<void> {
    const before = this.overlay;
    this.overlay = name;
    if (this.isOfRun && this.inspection.run === null && !(await this.inspection.chooseRun())) {
      this.overlay = before;
    }
    await this.refresh();
  }

  private async inspect(what: InspectedThing): Promise<void> {
    try {
      await this.inspection.choose(what);
    } catch (error) {
      void vscode.window.showErrorMessage(describe(error));
    }
    this.overlay = this.isOfRun && this.inspection.run === null ? null : this.overlay;
    this.step = null;
    await this.refresh();
  }

  private async lookInside(id: string): Promise<void> {
    const node = this.findNode(id);
    if (node !== undefined) {
      this.post({ type: "inside", id, inside: await this.inspection.look(node) });
    }
  }

  private async reveal(id: string): Promise<void> {
    const range = this.findNode(id)?.range;
    if (range) {
      await this.cursor.reveal(range);
    }
  }

  /** A node of what is shown; a row that is opened in place is called by its level's path. */
  private findNode(id: string): Node | undefined {
    const levels = this.result?.level ? [...this.result.inner, this.result.level] : [];
    const nodes = levels.flatMap((level) => level.nodes);
    return nodes.find((node) => node.id === id) ?? nodes.find((node) => `${node.id}×${node.repeats}` === id);
  }

  private async find(query: string): Promise<void> {
    const { uri, target } = this.result ?? {};
    if (uri !== undefined && target) {
      const params = { uri, target, query };
      const { hits } = await this.context.request<FindNodesParams, FindNodesResult>(methods.findNodes, params);
      this.post({ type: "found", query, hits });
    }
  }

  /** Lights the node that stands for a place in the code: where the cursor is, or the pointer. */
  private async light(how: "select" | "hover", place: Place | null): Promise<void> {
    if (place === null) {
      this.post({ type: "hover", id: null });
      return;
    }
    const { uri, position } = place;
    const { level, target, uri: graphUri } = this.result ?? {};
    if (!this.listening || !level || !target || graphUri === undefined) {
      return;
    }
    const params = {
      uri: uri.toString(),
      position: { line: position.line, character: position.character },
      graph_uri: graphUri,
      target,
      path: level.path,
      inner: [...this.inner],
    };
    try {
      const { id } = await this.context.request<NodeAtParams, NodeAtResult>(methods.nodeAt, params);
      if (this.result?.level?.path === level.path && this.result.target === target) {
        this.post({ type: how, id });
      }
    } catch (error) {
      this.context.log.debug(`The graph does not follow the cursor: ${describe(error)}`);
    }
  }

  /** Asks for what is shown anew. One request at a time, however often it is called. */
  private async refresh(): Promise<void> {
    this.moreWanted = true;
    if (this.refreshing || !this.listening) {
      return;
    }
    this.refreshing = true;
    try {
      while (this.moreWanted && this.listening) {
        this.moreWanted = false;
        await this.sendLevel();
      }
    } catch (error) {
      this.context.log.error(`The graph: ${describe(error)}`);
      this.sendWords({ text: describe(error), busy: false, action: showLogs() });
    } finally {
      this.refreshing = false;
    }
    if (this.moreWanted) {
      await this.refresh();
    }
  }

  private async sendLevel(): Promise<void> {
    const model = this.model ?? editedModel();
    if (model === undefined) {
      const text = vscode.l10n.t("Open a Python file that holds a model: its graph appears here.");
      this.sendWords({ text, busy: false });
      return;
    }
    this.model = model;
    if (this.result === undefined) {
      this.sendWords({ text: vscode.l10n.t("Reading the model…"), busy: true });
    }
    const isNew = this.result === undefined;
    const result = await this.requestLevel(model);
    if (this.model !== model || result === undefined) {
      this.moreWanted = true;
      return;
    }
    this.result = result;
    if (result.target !== null) {
      this.model = { uri: model.uri, target: result.target };
    }
    const { uri, target, title, stale, breadcrumbs, level, inner, selected, overlay } = result;
    if (level === null || target === null) {
      this.sendWords(this.explain(result));
      return;
    }
    this.path = level.path;
    const base = result.base === null ? null : (this.base?.label ?? null);
    const { inspected } = this.inspection;
    const shown = { uri, target, title, stale, breadcrumbs, level, inner, selected, overlay, base, inspected };
    this.post({ type: "level", shown });
    if (selected !== null) {
      await this.reveal(selected);
    }
    const editor = GraphCursor.editor;
    if (isNew && editor !== undefined) {
      await this.light("select", { uri: editor.document.uri, position: editor.selection.active });
    }
  }

  /** The level at `path`; undefined, with the whole model wanted instead, if an edit has done away with that part. */
  private async requestLevel(model: Model): Promise<GraphResult | undefined> {
    const editor = GraphCursor.editor;
    const isEdited = editor?.document.uri.toString() === model.uri.toString();
    const { line = 0, character = 0 } = (isEdited && editor?.selection.active) || {};
    const position = isEdited ? { line, character } : null;
    const params = {
      uri: model.uri.toString(),
      target: model.target,
      position,
      path: this.path,
      node: this.sought,
      inner: [...this.inner],
      overlay: this.overlay,
      base: this.base?.id ?? null,
      run: this.inspection.run,
      step: this.step,
    };
    const isSeeking = this.sought !== null;
    this.sought = null;
    try {
      return await this.context.request<GraphParams, GraphResult>(methods.graph, params);
    } catch (error) {
      if (this.path === "" && !isSeeking) {
        throw error;
      }
      this.context.log.debug(`The graph goes back to the whole model: ${describe(error)}`);
      this.path = isSeeking ? this.path : "";
      return undefined;
    }
  }

  private explain({ message, target }: GraphResult): Placeholder {
    const busy = this.state === "starting" || this.state === "analysing";
    const text = message ?? vscode.l10n.t("There is no graph of this model yet.");
    if (this.state === "restricted") {
      return { text, busy, action: { title: vscode.l10n.t("Manage Trust"), command: "pymodel.manageTrust" } };
    }
    if (busy || target === null) {
      return { text, busy };
    }
    return { text, busy, action: { title: vscode.l10n.t("Why no graph?"), command: "pymodel.whyNoShapes" } };
  }

  private onStatus(state: StatusNotification["state"]): void {
    const changed = state !== this.state;
    this.state = state;
    if (changed && this.model !== undefined && !this.result?.level) {
      void this.refresh();
    }
  }

  private sendWords(placeholder: Placeholder): void {
    this.post({ type: "placeholder", placeholder });
  }

  private post(message: ToPage): void {
    void this.webview?.postMessage(message);
  }
}

function editedModel(): Model | undefined {
  const editor = GraphCursor.editor;
  return editor && { uri: editor.document.uri, target: null };
}

function showLogs(): NonNullable<Placeholder["action"]> {
  return { title: vscode.l10n.t("Show Logs"), command: "pymodel.showLogs" };
}
