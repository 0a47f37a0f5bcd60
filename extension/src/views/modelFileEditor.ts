/** A model file in an editor of its own, drawn by Netron's readers in the graph's page. */

import * as vscode from "vscode";
import { type FromPage, isFromPage, type ToPage } from "../../webview/graph/messages";
import type { Context } from "../context";
import { describe } from "../log";
import { graphPage } from "./graphPage";
import { graphStrings } from "./graphStrings";
import { ModelFile } from "./modelFile";

/** A file that is being written changes many times. */
const WRITING_SETTLES_MS = 500;

export class ModelFileEditors implements vscode.CustomReadonlyEditorProvider {
  static readonly type = "pymodel.modelFile";

  constructor(private readonly context: Context) {}

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): void {
    const editor = new ModelFileEditor(this.context, uri, panel.webview);
    panel.onDidDispose(() => editor.dispose());
  }
}

/** Opens a model file beside the code: the one of this path, or one that is asked for. */
export async function openModelFile(path: unknown): Promise<void> {
  const uri = path instanceof vscode.Uri ? path : typeof path === "string" ? vscode.Uri.file(path) : await pickFile();
  if (uri !== undefined) {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    await vscode.commands.executeCommand("vscode.openWith", uri, ModelFileEditors.type, column);
  }
}

async function pickFile(): Promise<vscode.Uri | undefined> {
  return (await vscode.window.showOpenDialog({ canSelectMany: false }))?.[0];
}

class ModelFileEditor implements vscode.Disposable {
  private file: ModelFile | undefined;
  /** Counts the openings: the last one holds. */
  private opening = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly watcher: vscode.FileSystemWatcher;

  constructor(
    private readonly context: Context,
    private readonly uri: vscode.Uri,
    private readonly webview: vscode.Webview,
  ) {
    const folder = vscode.Uri.joinPath(uri, "..");
    const name = uri.path.slice(uri.path.lastIndexOf("/") + 1);
    this.watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, asPattern(name)));
    this.watcher.onDidChange(() => this.reopen());
    this.watcher.onDidCreate(() => this.reopen());
    webview.onDidReceiveMessage((message) => this.onMessage(message));
    webview.html = graphPage(webview, context.extension);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.opening += 1;
    this.watcher.dispose();
    this.file?.close();
  }

  private reopen(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.open(), WRITING_SETTLES_MS);
  }

  private async onMessage(message: unknown): Promise<void> {
    if (isFromPage(message)) {
      await this.answer(message);
    } else {
      this.context.log.error("The page of a model file sent a message that is none of its own.");
    }
  }

  private async answer(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.post({ type: "strings", strings: graphStrings() });
        return this.open();
      case "read":
        return this.post({ type: "bytes", file: message.file, bytes: await this.read(message) });
      case "failed":
        this.context.log.error(`${this.uri.fsPath} cannot be shown: ${message.message}`);
    }
  }

  private async open(): Promise<void> {
    this.opening += 1;
    const turn = this.opening;
    try {
      const file = await ModelFile.open(this.uri);
      if (turn !== this.opening) {
        return file.close();
      }
      this.file?.close();
      this.file = file;
      const { id, name, size } = file;
      this.post({ type: "file", file: { id, name, size } });
    } catch (error) {
      const text = vscode.l10n.t("The file cannot be shown: {0}", describe(error));
      this.post({ type: "placeholder", placeholder: { text, busy: false } });
    }
  }

  private async read({ file, ranges }: Extract<FromPage, { type: "read" }>): Promise<ArrayBuffer | null> {
    try {
      return this.file?.id === file ? await this.file.readRanges(ranges) : null;
    } catch (error) {
      this.context.log.error(`${this.uri.fsPath}: ${describe(error)}`);
      return null;
    }
  }

  private post(message: ToPage): void {
    void this.webview.postMessage(message);
  }
}

/** A name as a glob that fits nothing else. */
function asPattern(name: string): string {
  return name.replace(/[[\]{}*?]/g, "[$&]");
}
