/** What the tree of runs does with one of them: go on, read its log, throw it away. Without a run, a question asks which. */

import * as vscode from "vscode";
import { hasCurves, isActive, type NamedRun, nameOf } from "../../webview/runs/messages";
import type { Context } from "../context";
import type { Run } from "../protocol";
import { listRuns } from "../runs";
import type { RunsPanel } from "../views/runsPanel";
import type { RunsTree } from "../views/runsTree";
import { CannotContinue, execute } from "./target";

export async function resumeTraining(context: Context, panel: RunsPanel, argument: unknown): Promise<void> {
  const folder = folderOf(argument) ?? (await chooseRun(context, canResume, vscode.l10n.t("Resume which run?")));
  if (folder !== undefined) {
    await execute(context, "pymodel.resumeRun", { folder });
    await panel.show(folder);
  }
}

export async function pauseTraining(context: Context, argument: unknown): Promise<void> {
  const running = ({ kind, state }: Run) => kind === "train" && state === "running";
  const folder = folderOf(argument) ?? (await chooseRun(context, running, vscode.l10n.t("Pause which run?")));
  if (folder !== undefined) {
    await execute(context, "pymodel.pauseRun", { folder });
  }
}

export async function continueTraining(context: Context, argument: unknown): Promise<void> {
  const paused = ({ state }: Run) => state === "paused";
  const folder = folderOf(argument) ?? (await chooseRun(context, paused, vscode.l10n.t("Continue which run?")));
  if (folder !== undefined) {
    await execute(context, "pymodel.continueRun", { folder });
  }
}

export async function openRunLog(context: Context, argument: unknown): Promise<void> {
  const folder =
    folderOf(argument) ?? (await chooseRun(context, () => true, vscode.l10n.t("Open the log of which run?")));
  if (folder !== undefined) {
    await vscode.window.showTextDocument(vscode.Uri.joinPath(vscode.Uri.file(folder), "log.txt"));
  }
}

export async function renameRun(context: Context, argument: unknown): Promise<void> {
  const title = vscode.l10n.t("Rename Run");
  const prompt = vscode.l10n.t("Without a name it is called after its model.");
  await label(context, argument, "name", { title, prompt, placeHolder: vscode.l10n.t("Name") });
}

export async function noteRun(context: Context, argument: unknown): Promise<void> {
  const title = vscode.l10n.t("Note on Run");
  const prompt = vscode.l10n.t("What was tried in this run, or learned from it?");
  await label(context, argument, "note", { title, prompt, placeHolder: vscode.l10n.t("Note") });
}

async function label(
  context: Context,
  argument: unknown,
  key: "name" | "note",
  options: vscode.InputBoxOptions,
): Promise<void> {
  const folder = folderOf(argument) ?? (await chooseRun(context, isOwn, vscode.l10n.t("Which run?")));
  const found = (await listRuns(context)).find((each) => each.folder === folder);
  if (found === undefined) {
    return;
  }
  const text = await vscode.window.showInputBox({ ...options, value: found.run[key] });
  if (text !== undefined) {
    await execute(context, "pymodel.labelRun", { folder, [key]: text });
  }
}

/** What is at work is not taken away from under its job: the list is asked anew, as what was clicked on may be old. */
export async function deleteRun(context: Context, tree: RunsTree, argument: unknown): Promise<void> {
  const ended = (run: Run) => !isActive(run);
  const folder = folderOf(argument) ?? (await chooseRun(context, ended, vscode.l10n.t("Delete which run?")));
  if (folder === undefined) {
    return;
  }
  const found = (await listRuns(context)).find((each) => each.folder === folder);
  if (found !== undefined && isActive(found.run)) {
    throw new CannotContinue(vscode.l10n.t("This run is still at work: stop it first."));
  }
  await vscode.workspace.fs.delete(vscode.Uri.file(folder), { recursive: true, useTrash: true });
  await tree.refresh();
}

/** The run of a line of the tree, or of a folder. */
export function folderOf(argument: unknown): string | undefined {
  if (typeof argument === "string") {
    return argument;
  }
  const folder = (argument as Partial<NamedRun> | null | undefined)?.folder;
  return typeof folder === "string" ? folder : undefined;
}

function isOwn(run: Run): boolean {
  return run.kind !== "attached";
}

function canResume(run: Run): boolean {
  return run.kind === "train" && !isActive(run) && run.state !== "completed";
}

async function chooseRun(
  context: Context,
  fits: (run: Run) => boolean,
  placeHolder: string,
): Promise<string | undefined> {
  const items = (await listRuns(context))
    .filter(({ run }) => hasCurves(run) && fits(run))
    .map(({ run, folder }) => ({ label: nameOf(run), description: run.id, folder }));
  if (items.length === 0) {
    throw new CannotContinue(vscode.l10n.t("There is no run that this can be done with."));
  }
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.folder;
}
