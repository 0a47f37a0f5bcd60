/** The graph in the side bar, the same beside the code, and the commands that open them. */

import * as vscode from "vscode";
import { resolveModel, resolveUri } from "../commands/target";
import type { Context } from "../context";
import { describe } from "../log";
import { GraphCursor, type Model } from "./graphCursor";
import { GraphSession } from "./graphSession";
import { ModelFileEditors, openModelFile } from "./modelFileEditor";

const VIEW = "pymodel.graph";

export function registerGraphView(context: Context): vscode.Disposable {
  const cursor = new GraphCursor(context);
  const view = new GraphView(context, new GraphSession(context, cursor));
  const panels = new GraphPanels(() => new GraphSession(context, cursor));
  const command = (id: string, run: (...args: unknown[]) => Promise<void>) =>
    vscode.commands.registerCommand(id, (...args: unknown[]) => run(...args).catch((error) => fail(context, error)));
  return vscode.Disposable.from(
    cursor,
    view.session,
    panels,
    vscode.window.registerWebviewViewProvider(VIEW, view),
    vscode.window.registerWebviewPanelSerializer(VIEW, panels),
    vscode.window.registerCustomEditorProvider(ModelFileEditors.type, new ModelFileEditors(context)),
    command("pymodel.showGraph", (uri, target, run) => view.show(namedModel(uri, target), run)),
    command("pymodel.openGraphToSide", (uri, target) => panels.open(namedModel(uri, target, view.session.shownModel))),
    command("pymodel.openModelFile", (file) => openModelFile(file)),
    command("pymodel.compareModel", (uri, target) => view.compare(namedModel(uri, target, view.session.shownModel))),
  );
}

class GraphView implements vscode.WebviewViewProvider {
  private view: vscode.WebviewView | undefined;

  constructor(
    private readonly context: Context,
    readonly session: GraphSession,
  ) {}

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    view.onDidChangeVisibility(() => view.visible || this.session.detach());
    view.onDidDispose(() => {
      this.view = undefined;
      this.session.detach();
    });
    this.session.attach(view.webview);
  }

  /** With the folder of a run, what that has learned is looked into. */
  async show(model: Model, run?: unknown): Promise<void> {
    await this.session.show(model, typeof run === "string" ? run : undefined);
    await this.bringUp();
  }

  async compare({ uri, target }: Model): Promise<void> {
    const model = await resolveModel(this.context, uri, target);
    if (model !== undefined) {
      await this.show({ uri, target: model.target });
      await this.session.compare();
    }
  }

  /** Opens the view and leaves the cursor in the code, from where the graph is moved. */
  private async bringUp(): Promise<void> {
    if (this.view !== undefined) {
      this.view.show(true);
      return;
    }
    const editor = vscode.window.activeTextEditor;
    await vscode.commands.executeCommand(`${VIEW}.focus`);
    if (editor !== undefined) {
      await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
    }
  }
}

class GraphPanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  private readonly sessions = new Set<GraphSession>();

  constructor(private readonly createSession: () => GraphSession) {}

  async open(model: Model): Promise<void> {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel(VIEW, vscode.l10n.t("Model Graph"), column);
    await this.adopt(panel).show(model);
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.adopt(panel);
  }

  dispose(): void {
    vscode.Disposable.from(...this.sessions).dispose();
  }

  private adopt(panel: vscode.WebviewPanel): GraphSession {
    const session = this.createSession();
    this.sessions.add(session);
    panel.onDidChangeViewState(() => panel.visible || session.detach());
    panel.onDidDispose(() => {
      this.sessions.delete(session);
      session.detach();
      session.dispose();
    });
    session.attach(panel.webview);
    return session;
  }
}

/** The model that a command's arguments name, else the one at hand, else the one at the cursor. */
function namedModel(uri: unknown, target: unknown, atHand?: Model): Model {
  if (uri === undefined && atHand !== undefined) {
    return atHand;
  }
  return { uri: resolveUri(uri), target: typeof target === "string" ? target : null };
}

function fail(context: Context, error: unknown): void {
  context.log.error(`The graph: ${describe(error)}`);
  void vscode.window.showErrorMessage(describe(error));
}
