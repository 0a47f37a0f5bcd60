/** Open Log Folder: curves that another tool writes, watched in the runs panel. Nothing is ever written there. */

import * as vscode from "vscode";
import type { NamedRun } from "../../webview/runs/messages";
import type { Context } from "../context";
import type { RunsPanel } from "../views/runsPanel";
import { CannotContinue, execute } from "./target";

export async function openLogs(context: Context, panel: RunsPanel, given: unknown): Promise<void> {
  const folder = typeof given === "string" ? given : await chooseFolder();
  if (folder === undefined) {
    return;
  }
  const { runs } = await execute<{ runs: NamedRun[] }>(context, "pymodel.findLogs", { folder });
  const [first, ...others] = runs;
  if (first === undefined) {
    throw new CannotContinue(
      vscode.l10n.t(
        "There is no log in {0} that PyModel reads: TensorBoard's event files, metrics.csv of Lightning, or trainer_state.json of transformers.",
        folder,
      ),
    );
  }
  const chosen = others.length === 0 ? first : await chooseRun(runs);
  if (chosen !== undefined) {
    await panel.show(chosen.folder);
  }
}

async function chooseFolder(): Promise<string | undefined> {
  const options = {
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: vscode.l10n.t("Open"),
    title: vscode.l10n.t("A folder that another tool logs to"),
  };
  const [chosen] = (await vscode.window.showOpenDialog(options)) ?? [];
  return chosen?.fsPath;
}

async function chooseRun(runs: readonly NamedRun[]): Promise<NamedRun | undefined> {
  const items = runs.map((each) => ({
    label: each.run.id,
    description: `${each.run.request.writer} · ${new Date(each.run.updated * 1000).toLocaleString()}`,
    detail: each.folder,
    each,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t("Show which log?"),
    ignoreFocusOut: true,
  });
  return picked?.each;
}
