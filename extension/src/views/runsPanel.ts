/** The runs panel: follows a run's folder through the server and shows it live. Losing it loses nothing: a run goes on. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import * as vscode from "vscode";
import {
  type Advice,
  type Comparison,
  type FromPage,
  hasCurves,
  isActive,
  isFromPage,
  type NamedRun,
  type ToPage,
} from "../../webview/runs/messages";
import { execute, resolveModel } from "../commands/target";
import type { Context } from "../context";
import { describe } from "../log";
import {
  methods,
  type Run,
  type RunChangedNotification,
  type RunLogParams,
  type RunLogResult,
  type RunMetricsParams,
  type RunMetricsResult,
} from "../protocol";
import { listRuns } from "../runs";
import { runsHtml } from "./runsHtml";
import { runsStrings } from "./runsStrings";

const VIEW_TYPE = "pymodel.runs";
const LOOK_MILLISECONDS = 2000;
/** Where the workspace remembers the folder of the run that was last seen running. */
const LAST_SEEN_RUNNING = "pymodel.lastSeenRunning";

export class RunsPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private runs: NamedRun[] = [];
  private selected: string | null = null;
  /** The number of the first row that the page does not have yet. */
  private next = 0;
  private following = false;
  private timer: NodeJS.Timeout | undefined;
  private moreWanted = false;
  /** The state of the run whose advice the page has. */
  private advised = "";
  /** The run whose log the page shows. */
  private logged: string | null = null;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly context: Context) {
    this.subscriptions = [
      context.onNotification<RunChangedNotification>(methods.runChanged, (change) => this.onRunChanged(change)),
      context.onDidStart(() => this.findRuns()),
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, {
        deserializeWebviewPanel: async (panel, state: { selected?: string } | undefined) => {
          this.selected = state?.selected ?? null;
          this.adopt(panel);
        },
      }),
    ];
  }

  /** Shows a run's folder, or without one the newest run. */
  async show(folder?: string): Promise<void> {
    this.selected = folder ?? this.selected;
    this.open(false);
    await this.refresh();
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
    this.panel?.dispose();
  }

  /** A run that outlived the window it was started in is shown again, also where it ended while no window was there. */
  private async findRuns(): Promise<void> {
    const seenRunning = this.context.extension.workspaceState.get<string>(LAST_SEEN_RUNNING);
    await this.refresh();
    const found = this.runs.find(({ run }) => isActive(run)) ?? this.runs.find(({ folder }) => folder === seenRunning);
    if (found !== undefined && this.panel === undefined) {
      this.selected = found.folder;
      this.open(true);
    }
  }

  /** VS Code keeps this at once, the state of a panel only now and then: a window may close in between. */
  private rememberRunning(): void {
    const folder = this.runs.find(({ run }) => isActive(run))?.folder;
    const { workspaceState } = this.context.extension;
    if (workspaceState.get(LAST_SEEN_RUNNING) !== folder) {
      void workspaceState.update(LAST_SEEN_RUNNING, folder);
    }
  }

  private open(preserveFocus: boolean): void {
    if (this.panel !== undefined) {
      this.panel.reveal(undefined, preserveFocus);
      return;
    }
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus };
    this.adopt(vscode.window.createWebviewPanel(VIEW_TYPE, vscode.l10n.t("Training Runs"), column));
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    const { extension } = this.context;
    panel.iconPath = {
      light: vscode.Uri.joinPath(extension.extensionUri, "extension", "media", "runs-light.svg"),
      dark: vscode.Uri.joinPath(extension.extensionUri, "extension", "media", "runs-dark.svg"),
    };
    const pages = vscode.Uri.joinPath(extension.extensionUri, "out", "webview");
    const file = (name: string) => panel.webview.asWebviewUri(vscode.Uri.joinPath(pages, name)).toString();
    panel.webview.options = { enableScripts: true, localResourceRoots: [pages] };
    panel.webview.onDidReceiveMessage((message) => this.onMessage(message));
    panel.onDidDispose(() => {
      if (this.panel === panel) {
        this.panel = undefined;
      }
    });
    panel.webview.html = runsHtml({
      source: panel.webview.cspSource,
      script: file("runs.js"),
      style: file("runs.css"),
      nonce: randomBytes(16).toString("base64url"),
      language: vscode.env.language,
    });
  }

  private async onMessage(message: unknown): Promise<void> {
    try {
      if (!isFromPage(message)) {
        throw new Error("the page sent a message that is none of its own");
      }
      await this.answer(message);
    } catch (error) {
      this.context.log.error(`The runs panel: ${describe(error)}`);
    }
  }

  private async answer(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.post({ type: "strings", strings: runsStrings() });
        return this.refresh();
      case "select":
        this.selected = message.folder;
        return this.refresh();
      case "stop":
        return vscode.commands.executeCommand("pymodel.stopTraining", message.folder);
      case "pause":
        return vscode.commands.executeCommand("pymodel.pauseTraining", message.folder);
      case "continue":
        return vscode.commands.executeCommand("pymodel.continueTraining", message.folder);
      case "export":
        return this.export(message.folder);
      case "explain":
        return explain(message.folder);
      case "graph":
        return this.showGraph(message.folder);
      case "log":
        return openFile(join(message.folder, "log.txt"));
      case "tail":
        this.logged = message.open ? message.folder : null;
        return this.sendLog(message.folder);
      case "recipe":
        return openFile(join(message.folder, "recipe.toml"));
      case "compare":
        return this.compare(message.folder, message.other);
      case "source":
        return openFile(message.path, message.line);
      case "train":
        return vscode.commands.executeCommand("pymodel.trainModel");
    }
  }

  private async compare(folder: string, other: string): Promise<void> {
    const params = { folder: other, start: 0 };
    const { run, rows } = await this.context.request<RunMetricsParams, RunMetricsResult>(methods.runMetrics, params);
    const asked = { folders: [folder, other] };
    const comparison = await execute<Comparison>(this.context, "pymodel.compareRuns", asked);
    if (folder === this.selected) {
      this.post({ type: "compared", run, rows, comparison });
    }
  }

  /** What the curves say is asked for once an epoch, and at the end. */
  private async advise(folder: string, run: Run): Promise<void> {
    const state = `${folder} ${run.state} ${run.epoch}`;
    if (state === this.advised) {
      return;
    }
    this.advised = state;
    const { advice } = await execute<{ advice: readonly Advice[] }>(this.context, "pymodel.runAdvice", { folder });
    this.post({ type: "advice", folder, advice });
  }

  private async export(folder: string): Promise<void> {
    const trained = this.trainedBy(folder);
    if (trained !== undefined) {
      await vscode.commands.executeCommand("pymodel.exportModel", trained.uri, trained.target, folder);
    }
  }

  /** The graph follows the cursor, which goes to the model. */
  private async showGraph(folder: string): Promise<void> {
    const trained = this.trainedBy(folder);
    if (trained === undefined) {
      return;
    }
    const model = await resolveModel(this.context, trained.uri, trained.target);
    if (model !== undefined) {
      await openFile(trained.uri.fsPath, model.line);
      await vscode.commands.executeCommand("pymodel.showGraph", trained.uri, model.target, folder);
    }
  }

  /** What a run has trained, and the file that it stands in. */
  private trainedBy(folder: string): { target: string; uri: vscode.Uri } | undefined {
    const target = this.runs.find((each) => each.folder === folder)?.run.target;
    const path = target?.slice(0, target.lastIndexOf("::"));
    return target !== undefined && path ? { target, uri: vscode.Uri.file(path) } : undefined;
  }

  /** Reads the list of runs anew, and the selected run from its first row. */
  private async refresh(): Promise<void> {
    try {
      this.runs = (await listRuns(this.context)).filter(({ run }) => hasCurves(run));
    } catch (error) {
      this.post({ type: "unavailable", message: describe(error) });
      return;
    }
    this.rememberRunning();
    await this.addSelected();
    this.next = 0;
    this.advised = "";
    this.post({ type: "runs", runs: this.runs, selected: this.selected });
    await this.follow();
  }

  /** A run beside a file, outside of the workspace's folders, is in no list. One that is gone gives way to the newest. */
  private async addSelected(): Promise<void> {
    const folder = this.selected;
    if (folder !== null && !this.runs.some((each) => each.folder === folder)) {
      const run = await this.readRun(folder);
      if (run !== null) {
        this.runs.unshift({ folder, run });
        return;
      }
      this.selected = null;
    }
    this.selected ??= this.runs[0]?.folder ?? null;
  }

  private async readRun(folder: string): Promise<Run | null> {
    const params = { folder, start: Number.MAX_SAFE_INTEGER };
    try {
      const { run } = await this.context.request<RunMetricsParams, RunMetricsResult>(methods.runMetrics, params);
      return run;
    } catch (error) {
      this.context.log.info(`The run in ${folder} cannot be read: ${describe(error)}`);
      return null;
    }
  }

  private onRunChanged({ folder, run }: RunChangedNotification): void {
    if (!hasCurves(run)) {
      return;
    }
    const known = this.runs.find((each) => each.folder === folder);
    if (known === undefined) {
      void this.refresh();
      return;
    }
    known.run = run;
    this.rememberRunning();
    this.post({ type: "runs", runs: this.runs, selected: this.selected });
    if (folder === this.selected) {
      void this.follow();
    }
  }

  /** Sends the rows that the page does not have. One request at a time, however many changes are announced. */
  private async follow(): Promise<void> {
    this.moreWanted = true;
    if (this.following) {
      return;
    }
    this.following = true;
    try {
      while (this.moreWanted && this.panel !== undefined && this.selected !== null) {
        this.moreWanted = false;
        await this.sendRows(this.selected, this.next);
      }
    } catch (error) {
      this.post({ type: "unavailable", message: describe(error) });
    } finally {
      this.following = false;
    }
  }

  private async sendRows(folder: string, start: number): Promise<void> {
    const params = { folder, start };
    const { run, rows, next, thinned } = await this.context.request<RunMetricsParams, RunMetricsResult>(
      methods.runMetrics,
      params,
    );
    if (folder !== this.selected || start !== this.next) {
      this.moreWanted = true;
      return;
    }
    // A resumed run drops rows that were sent before: then all of them are sent again.
    const shrunk = next < start;
    this.next = shrunk ? 0 : next;
    this.moreWanted ||= shrunk;
    if (!shrunk) {
      this.post({ type: "rows", folder, run, rows, thinned, reset: start === 0 });
      await this.advise(folder, run);
      await this.sendLog(folder);
      this.watch(folder, run);
    }
  }

  private async sendLog(folder: string): Promise<void> {
    if (folder === this.logged) {
      const { text } = await this.context.request<RunLogParams, RunLogResult>(methods.runLog, { folder });
      this.post({ type: "log", folder, text });
    }
  }

  /** Nobody announces what another tool writes: it is looked for while it is shown. */
  private watch(folder: string, { kind, updated }: Run): void {
    clearTimeout(this.timer);
    if (kind !== "attached") {
      return;
    }
    this.timer = setTimeout(async () => {
      const run = folder === this.selected && this.panel !== undefined ? await this.readRun(folder) : null;
      if (run !== null && run.updated === updated) {
        this.watch(folder, run);
      } else if (run !== null) {
        this.next = 0; // what was written may have been added to
        await this.follow();
      }
    }, LOOK_MILLISECONDS);
  }

  private post(message: ToPage): void {
    void this.panel?.webview.postMessage(message);
  }
}

/** What can be explained of a run, each by a command of its own. */
async function explain(folder: string): Promise<void> {
  const items = [
    { label: vscode.l10n.t("A Prediction"), command: "pymodel.explainPrediction" },
    { label: vscode.l10n.t("Activations"), command: "pymodel.explainActivations" },
    { label: vscode.l10n.t("Weights"), command: "pymodel.explainWeights" },
  ];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Explain what of this run?") });
  if (picked !== undefined) {
    await vscode.commands.executeCommand(picked.command, folder);
  }
}

async function openFile(path: string, line?: number): Promise<void> {
  const options: vscode.TextDocumentShowOptions = { viewColumn: vscode.ViewColumn.One };
  if (line !== undefined) {
    options.selection = new vscode.Range(line - 1, 0, line - 1, 0);
  }
  await vscode.window.showTextDocument(vscode.Uri.file(path), options);
}
