/** Select Interpreter: by the Python extension where there is one, else from what is found here. */

import * as vscode from "vscode";
import { currentFolder, onPath, probe, virtualEnvironment } from "../python/interpreter";

export async function selectInterpreter(): Promise<void> {
  const byExtension = "python.setInterpreter";
  if ((await vscode.commands.getCommands(true)).includes(byExtension)) {
    await vscode.commands.executeCommand(byExtension);
    return;
  }
  const interpreter = await pickInterpreter();
  if (interpreter !== undefined) {
    const scope = vscode.workspace.workspaceFolders
      ? vscode.ConfigurationTarget.Workspace
      : vscode.ConfigurationTarget.Global;
    await vscode.workspace.getConfiguration("pymodel").update("interpreter", interpreter, scope);
  }
}

async function pickInterpreter(): Promise<string | undefined> {
  const browse = { label: vscode.l10n.t("Browse…"), iconPath: new vscode.ThemeIcon("folder") };
  const candidates = [await virtualEnvironment(currentFolder()), ...onPath()].filter((path) => path !== null);
  const probes = await Promise.all(candidates.map(probe));
  const usable = probes.filter(({ problem }) => problem === null).map(({ executable }) => executable);
  const found = [...new Set(usable)].map((label) => ({ label }));
  const picked = await vscode.window.showQuickPick([...found, browse], {
    placeHolder: vscode.l10n.t("Which Python has PyTorch?"),
  });
  if (picked !== browse) {
    return picked?.label;
  }
  const files = await vscode.window.showOpenDialog({ title: vscode.l10n.t("Choose a Python interpreter") });
  return files?.[0]?.fsPath;
}
