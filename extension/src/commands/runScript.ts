/** Run Script with Monitor: in a terminal, as Python runs it; the curves come beside the code once it trains. */

import { basename } from "node:path";
import * as vscode from "vscode";
import type { Context } from "../context";
import { execute, resolveUri } from "./target";

export async function runScript(context: Context, where: unknown): Promise<void> {
  const uri = resolveUri(where);
  const document = await vscode.workspace.openTextDocument(uri);
  await document.save();
  const { command, folder } = await execute<{ command: string[]; folder: string }>(context, "pymodel.scriptCommand", {
    uri: uri.toString(),
  });
  const [program, ...words] = command as [string, ...string[]];
  const task = new vscode.Task(
    { type: "process" },
    vscode.workspace.getWorkspaceFolder(uri) ?? vscode.TaskScope.Workspace,
    vscode.l10n.t("{0}, monitored", basename(uri.fsPath)),
    "PyModel",
    new vscode.ProcessExecution(program, words, { cwd: folder }),
  );
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, panel: vscode.TaskPanelKind.Dedicated };
  await vscode.tasks.executeTask(task);
}
