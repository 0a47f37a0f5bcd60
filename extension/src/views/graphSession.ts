/** What one graph page shows: a level of a model, kept up to date with the server, or a model file. */

import { basename } from "node:path";
import * as vscode from "vscode";
import { type FromPage, isFromPage, type Placeholder, type ToPage } from "../../webview/graph/messages";
import type { Context } from "../context";
import { describe } from "../log";
import {
  type GraphParams,
  type GraphResult,
  methods,
  type NodeAtParams,
  type NodeAtResult,
  type StatusNotification,
  type TraceChangedNotification,
} from "../protocol";
import { GraphCursor, type Model, type Place } from "./graphCursor";
import { withoutWeights } from "./graphFile";
import { graphPage } from "./graphPage";
import { graphStrings } from "./graphStrings";

export class GraphSession implements vscode.Disposable {
  private webview: vscode.Webview | undefined;
  /** The page listens. It is gone, and comes back empty, whenever its view is hidden. */
  private listening = false;
  private model: Model | undefined;
  private path = "";
  private result: GraphResult | undefined;
  private file: vscode.Uri | undefined;
  private state: StatusNotification["state"] = "starting";
  private refreshing = false;
  private moreWanted = false;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly context: Context,
    private readonly cursor: GraphCursor,
  ) {
    this.subscriptions = [
      cursor.onDidEnterModel((model) => this.enter(model)),
      cursor.onDidMove((place) => this.select(place)),
      context.onDidStart(() => this.refresh()),
      context.onNotification<TraceChangedNotification>(methods.traceChanged, ({ uri }) => {
        if (uri === this.model?.uri.toString()) {
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

  /** Shows a model as a whole. */
  async show(model: Model): Promise<void> {
    this.file = undefined;
    this.enter(model);
    await this.refresh();
  }

  async showFile(file: vscode.Uri): Promise<void> {
    this.file = file;
    await this.refresh();
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Shows the model as a whole: another one anew, the same one by going back up to it. */
  private enter(model: Model): void {
    if (model.target === null || model.target !== this.model?.target) {
      this.model = model;
      this.result = undefined;
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
        }
        return this.refresh();
      case "open":
        this.path = message.path;
        return this.refresh();
      case "reveal":
        return this.reveal(message.id);
      case "closeFile":
        this.file = undefined;
        return this.refresh();
      case "action":
        await vscode.commands.executeCommand(message.command, this.model?.uri, this.model?.target);
        return;
      case "failed":
        this.context.log.error(`The graph page: ${message.message}`);
        return this.giveUpFile(message.message);
    }
  }

  private async reveal(id: string): Promise<void> {
    const node = this.result?.level?.nodes.find((each) => each.id === id);
    if (node?.range) {
      await this.cursor.reveal(node.range);
    }
  }

  /** Lights the node that stands for a place in the code. */
  private async select({ uri, position }: Place): Promise<void> {
    const { level, target, uri: graphUri } = this.result ?? {};
    if (!this.listening || this.file !== undefined || !level || !target || graphUri === undefined) {
      return;
    }
    const params = {
      uri: uri.toString(),
      position: { line: position.line, character: position.character },
      graph_uri: graphUri,
      target,
      path: level.path,
    };
    try {
      const { id } = await this.context.request<NodeAtParams, NodeAtResult>(methods.nodeAt, params);
      if (this.result?.level?.path === level.path && this.result.target === target) {
        this.post({ type: "select", id });
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
        await (this.file ? this.sendFile(this.file) : this.sendLevel());
      }
    } catch (error) {
      this.context.log.error(`The graph: ${describe(error)}`);
      this.sendWords({ text: describe(error), busy: false, action: showLogs() });
      this.giveUpFile(describe(error));
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
    const { uri, target, title, stale, breadcrumbs, level } = result;
    if (level === null || target === null) {
      this.sendWords(this.explain(result));
      return;
    }
    this.post({ type: "level", shown: { uri, target, title, stale, breadcrumbs, level } });
    const editor = GraphCursor.editor;
    if (isNew && editor !== undefined) {
      await this.select({ uri: editor.document.uri, position: editor.selection.active });
    }
  }

  /** The level at `path`; undefined, with the whole model wanted instead, if an edit has done away with that part. */
  private async requestLevel(model: Model): Promise<GraphResult | undefined> {
    const editor = GraphCursor.editor;
    const isEdited = editor?.document.uri.toString() === model.uri.toString();
    const { line = 0, character = 0 } = (isEdited && editor?.selection.active) || {};
    const position = isEdited ? { line, character } : null;
    const params = { uri: model.uri.toString(), target: model.target, position, path: this.path };
    try {
      return await this.context.request<GraphParams, GraphResult>(methods.graph, params);
    } catch (error) {
      if (this.path === "") {
        throw error;
      }
      this.context.log.debug(`The graph goes back to the whole model: ${describe(error)}`);
      this.path = "";
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

  private async sendFile(file: vscode.Uri): Promise<void> {
    const outline = withoutWeights(await vscode.workspace.fs.readFile(file));
    if (this.file === file) {
      this.post({ type: "file", name: basename(file.fsPath), bytes: Uint8Array.from(outline).buffer });
    }
  }

  /** Says why a model file cannot be shown, and goes back to the code's graph. */
  private giveUpFile(reason: string): void {
    if (this.file !== undefined) {
      const name = basename(this.file.fsPath);
      this.file = undefined;
      void vscode.window.showErrorMessage(vscode.l10n.t("{0} cannot be shown: {1}", name, reason));
      void this.refresh();
    }
  }

  private onStatus(state: StatusNotification["state"]): void {
    const changed = state !== this.state;
    this.state = state;
    if (changed && this.model !== undefined && this.file === undefined && !this.result?.level) {
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
