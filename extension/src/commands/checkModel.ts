/** Check Model: every finding about the file, in the Problems panel; a word where there is none. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { execute, resolveUri } from "./target";

interface CheckResult {
  diagnostics: readonly { severity: "error" | "warning" | "hint" }[];
}

export async function checkModel(context: Context, where: unknown): Promise<void> {
  const uri = resolveUri(where);
  const checking = { location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Checking the model") };
  const { diagnostics } = await vscode.window.withProgress(checking, () =>
    execute<CheckResult>(context, "pymodel.check", { uri: uri.toString() }),
  );
  if (diagnostics.some(({ severity }) => severity !== "hint")) {
    await vscode.commands.executeCommand("workbench.actions.view.problems");
  } else {
    void vscode.window.showInformationMessage(vscode.l10n.t("PyModel found nothing wrong in this file."));
  }
}
