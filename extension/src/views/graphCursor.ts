/** The editor's side of the graph: which model the cursor is in, where it moves, and code that is revealed for a node. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { describe } from "../log";
import {
  type Location,
  type ModelSite,
  type ModelsParams,
  type ModelsResult,
  methods,
  type Position,
} from "../protocol";

/** A burst of cursor moves is one. */
const SETTLES_MS = 50;

export interface Place {
  uri: vscode.Uri;
  position: vscode.Position;
}

export interface Model {
  uri: vscode.Uri;
  /** Without it the server takes the model at the cursor, or the file's first. */
  target: string | null;
}

export class GraphCursor implements vscode.Disposable {
  private readonly entered = new vscode.EventEmitter<Model>();
  private readonly moved = new vscode.EventEmitter<Place>();
  private readonly hovered = new vscode.EventEmitter<Place | null>();
  private readonly pointed = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor("editor.hoverHighlightBackground"),
    border: "1px dashed",
    borderColor: new vscode.ThemeColor("focusBorder"),
  });
  private readonly subscriptions: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  private models: { document: string; version: number; sites: readonly ModelSite[] } | undefined;
  /** The document, and the model in it, that the cursor was in last. */
  private last: { document?: string; target?: string } = {};
  /** How many places are being revealed: until they are, the cursor stands where it stood for other reasons. */
  private revealing = 0;
  /** Where the graph itself has put the cursor: what comes of that is no wish of the user's. */
  private revealed: { document: string; selection: vscode.Selection } | undefined;

  /** The cursor has come into another model. */
  readonly onDidEnterModel = this.entered.event;
  readonly onDidMove = this.moved.event;
  /** The pointer rests on code, or does so no longer. */
  readonly onDidHover = this.hovered.event;

  constructor(private readonly context: Context) {
    this.subscriptions = [
      this.entered,
      this.moved,
      this.hovered,
      this.pointed,
      // The editor tells of its pointer by asking for hovers only.
      vscode.languages.registerHoverProvider("python", { provideHover: (...at) => this.hover(...at) }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.settle(textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.settle(editor)),
    ];
  }

  /** The Python editor with the cursor, or the first one that is visible. */
  static get editor(): vscode.TextEditor | undefined {
    const editors = [vscode.window.activeTextEditor, ...vscode.window.visibleTextEditors];
    return editors.find((editor) => editor?.document.languageId === "python");
  }

  /** Selects a place in the code, in the column where its file is open already, and leaves the focus where it is. */
  async reveal(location: Location): Promise<void> {
    this.revealing += 1;
    try {
      await this.select(location);
    } finally {
      this.revealing -= 1;
    }
  }

  private async select(location: Location): Promise<void> {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(location.path));
    const [start, end] = [toPosition(document, location.start), toPosition(document, location.end)];
    // The cursor is at its start, so that the line that is shown is the first one.
    const selection = new vscode.Selection(end, start);
    this.revealed = { document: document.uri.toString(), selection };
    const editors = vscode.window.visibleTextEditors;
    const column = (editors.find((each) => each.document === document) ?? editors[0])?.viewColumn;
    const options = { viewColumn: column ?? vscode.ViewColumn.One, preserveFocus: true };
    const editor = await vscode.window.showTextDocument(document, options);
    editor.selection = selection;
    editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  /** Marks the code of a node in the editors that show it, or takes the mark away. */
  point(location: Location | null): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const { document } = editor;
      const isHere = location !== null && document.uri.fsPath === location.path;
      const range = isHere && [
        new vscode.Range(toPosition(document, location.start), toPosition(document, location.end)),
      ];
      editor.setDecorations(this.pointed, range || []);
    }
  }

  private hover(document: vscode.TextDocument, position: vscode.Position, token: vscode.CancellationToken): null {
    token.onCancellationRequested(() => this.hovered.fire(null));
    this.hovered.fire({ uri: document.uri, position });
    return null;
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private settle(editor: vscode.TextEditor): void {
    if (editor.document.languageId === "python" && editor === vscode.window.activeTextEditor) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.follow(editor), SETTLES_MS);
    }
  }

  private async follow({ document, selection }: vscode.TextEditor): Promise<void> {
    const name = document.uri.toString();
    const isOwnDoing =
      this.revealing > 0 || (this.revealed?.document === name && this.revealed.selection.isEqual(selection));
    const sites = await this.findModels(document);
    const line = selection.active.line + 1;
    const under = sites.find(({ range }) => range.start.line <= line && line <= range.end.line);
    const model = under ?? (this.last.document === name ? undefined : sites[0]);
    const isAnother = model !== undefined && model.target !== this.last.target;
    if (model !== undefined) {
      this.last = { document: name, target: model.target };
    }
    if (isOwnDoing) {
      return;
    }
    this.revealed = undefined;
    if (isAnother) {
      this.entered.fire({ uri: document.uri, target: model.target });
    }
    this.moved.fire({ uri: document.uri, position: selection.active });
  }

  private async findModels(document: vscode.TextDocument): Promise<readonly ModelSite[]> {
    const [name, version] = [document.uri.toString(), document.version];
    if (this.models?.document !== name || this.models.version !== version) {
      try {
        const params = { uri: name };
        const { models } = await this.context.request<ModelsParams, ModelsResult>(methods.models, params);
        this.models = { document: name, version, sites: models };
      } catch (error) {
        this.context.log.debug(`The graph does not follow the cursor: ${describe(error)}`);
        return [];
      }
    }
    return this.models.sites;
  }
}

/** Columns count code points in what comes from the server, and UTF-16 units in the editor. */
function toPosition(document: vscode.TextDocument, { line, column }: Position): vscode.Position {
  const text = document.lineAt(Math.min(line, document.lineCount) - 1).text;
  return new vscode.Position(line - 1, [...text].slice(0, column).join("").length);
}
