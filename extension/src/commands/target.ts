/** Which document and which model a command is about: its arguments, else the cursor, else a question. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { type ModelSite, type ModelsParams, type ModelsResult, methods } from "../protocol";

/** A reason why a command cannot go on, in words for a person. */
export class CannotContinue extends Error {}

/** The document of an argument (a Uri or its text), else of the editor that was used last. */
export function resolveUri(argument: unknown): vscode.Uri {
  if (argument instanceof vscode.Uri) {
    return argument;
  }
  if (typeof argument === "string" && argument !== "") {
    return vscode.Uri.parse(argument, true);
  }
  const editors = [vscode.window.activeTextEditor, ...vscode.window.visibleTextEditors];
  const editor = editors.find((each) => each?.document.languageId === "python");
  if (editor === undefined) {
    throw new CannotContinue(vscode.l10n.t("Open the Python file that holds the model first."));
  }
  return editor.document.uri;
}

/** The model named by `target`, or the file's only one, or the cursor's, or the one that is picked. */
export async function resolveModel(context: Context, uri: vscode.Uri, target: unknown): Promise<ModelSite | undefined> {
  const params = { uri: uri.toString() };
  const { models } = await context.request<ModelsParams, ModelsResult>(methods.models, params);
  return chooseModel(models, uri, target);
}

export async function chooseModel(
  models: readonly ModelSite[],
  uri: vscode.Uri,
  target: unknown,
): Promise<ModelSite | undefined> {
  if (models.length === 0) {
    throw new CannotContinue(vscode.l10n.t("There is no model in this file: no class derives from nn.Module."));
  }
  const named = models.find((model) => model.target === target);
  const obvious = named ?? (models.length === 1 ? models[0] : modelAtCursor(models, uri));
  if (obvious !== undefined) {
    return obvious;
  }
  const items = models.map((model) => ({ label: model.name, description: `:${model.line}`, model }));
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Which model?") });
  return picked?.model;
}

function modelAtCursor(models: readonly ModelSite[], uri: vscode.Uri): ModelSite | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.toString() !== uri.toString()) {
    return undefined;
  }
  const line = editor.selection.active.line + 1;
  return models.find(({ range }) => range.start.line <= line && line <= range.end.line);
}

/** Runs one of the server's commands: one JSON object in, JSON out. */
export function execute<R>(context: Context, command: string, argument: Record<string, unknown>): Promise<R> {
  return context.request<object, R>("workspace/executeCommand", { command, arguments: [argument] });
}
