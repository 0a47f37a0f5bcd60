/** Stop Training: the job writes a checkpoint and ends. Asks only where several jobs run. */

import { basename } from "node:path";
import * as vscode from "vscode";
import { isActive } from "../../webview/runs/messages";
import type { Context } from "../context";
import { listRuns } from "../runs";
import { CannotContinue, execute } from "./target";

export async function stopTraining(context: Context, folder: unknown): Promise<void> {
  const chosen = typeof folder === "string" ? folder : await chooseRunning(context);
  if (chosen !== undefined) {
    await execute(context, "pymodel.stopRun", { folder: chosen });
  }
}

async function chooseRunning(context: Context): Promise<string | undefined> {
  const items = (await listRuns(context))
    .filter(({ run }) => isActive(run))
    .map(({ run, folder }) => ({ label: basename(run.target), description: run.id, folder }));
  if (items.length === 0) {
    throw new CannotContinue(vscode.l10n.t("Nothing is being trained."));
  }
  if (items.length === 1) {
    return items[0]?.folder;
  }
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Stop which run?") });
  return picked?.folder;
}
