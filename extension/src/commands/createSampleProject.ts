/** Create Sample Project: into the workspace's folder if that is empty, else into one that is picked. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { execute } from "./target";

interface SampleResult {
  /** The file to begin with. */
  open: string;
}

export async function createSampleProject(context: Context, argument: unknown): Promise<void> {
  const folder = folderOf(argument) ?? (await emptyWorkspaceFolder()) ?? (await pickFolder());
  if (folder === undefined) {
    return;
  }
  const { open } = await execute<SampleResult>(context, "pymodel.createSample", { folder: folder.fsPath });
  if (vscode.workspace.getWorkspaceFolder(folder) === undefined) {
    await vscode.commands.executeCommand("vscode.openFolder", folder, { forceReuseWindow: true });
  } else {
    await vscode.window.showTextDocument(vscode.Uri.file(open));
  }
}

function folderOf(argument: unknown): vscode.Uri | undefined {
  if (argument instanceof vscode.Uri) {
    return argument;
  }
  return typeof argument === "string" ? vscode.Uri.file(argument) : undefined;
}

async function emptyWorkspaceFolder(): Promise<vscode.Uri | undefined> {
  const [folder, ...others] = vscode.workspace.workspaceFolders ?? [];
  if (folder === undefined || others.length > 0) {
    return undefined;
  }
  const entries = await vscode.workspace.fs.readDirectory(folder.uri);
  return entries.some(([name]) => !name.startsWith(".")) ? undefined : folder.uri;
}

async function pickFolder(): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    canSelectMany: false,
    title: vscode.l10n.t("Choose a folder for the sample project"),
    openLabel: vscode.l10n.t("Create Sample Project Here"),
  });
  return picked?.[0];
}
