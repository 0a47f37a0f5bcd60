/** `pymodel.hasModel`: the active editor shows a Python file with a model in it. Menus and keys ask for it. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { type ModelsParams, type ModelsResult, methods, type TraceChangedNotification } from "../protocol";

export function registerModelContextKey(context: Context): vscode.Disposable {
  const update = async () => {
    const document = vscode.window.activeTextEditor?.document;
    const hasModel = document?.languageId === "python" && (await countModels(context, document)) > 0;
    if (document === vscode.window.activeTextEditor?.document) {
      await vscode.commands.executeCommand("setContext", "pymodel.hasModel", hasModel);
    }
  };
  return vscode.Disposable.from(
    context.onDidStart(update),
    vscode.window.onDidChangeActiveTextEditor(update),
    context.onNotification<TraceChangedNotification>(methods.traceChanged, ({ uri }) => {
      if (uri === vscode.window.activeTextEditor?.document.uri.toString()) {
        void update();
      }
    }),
  );
}

async function countModels(context: Context, document: vscode.TextDocument): Promise<number> {
  try {
    const params = { uri: document.uri.toString() };
    return (await context.request<ModelsParams, ModelsResult>(methods.models, params)).models.length;
  } catch {
    // Without a server there is nothing to offer; the status item says why.
    return 0;
  }
}
