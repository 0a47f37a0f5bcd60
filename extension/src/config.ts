/** The settings, as the server and the launch want them. */

import { homedir } from "node:os";
import { basename, resolve } from "node:path";
import * as vscode from "vscode";

const SECTION = "pymodel";

/** Settings that the running server cannot take over: a change needs a new one. */
export const LAUNCH_SETTINGS = [`${SECTION}.interpreter`, `${SECTION}.workerMode`];

/** The interpreter that a person has set for this folder: `~` and `${workspaceFolder}` filled in, paths absolute. */
export function configuredInterpreter(folder: vscode.WorkspaceFolder | undefined): string | undefined {
  const value = read(folder).get<string>("interpreter", "").trim();
  if (value === "") {
    return undefined;
  }
  const root = folder?.uri.fsPath ?? "";
  const path = value.replace(/^~(?=[/\\])/, homedir()).replace(/\$\{workspaceFolder\}/g, root);
  // A bare name is looked up on the PATH.
  return basename(path) === path ? path : resolve(root, path);
}

export function workerMode(): "fork" | "persistent" | null {
  const mode = read(undefined).get<string>("workerMode");
  return mode === "fork" || mode === "persistent" ? mode : null;
}

/** Everything under `pymodel.`, for the server's start; later changes reach it by `workspace/configuration`. */
export function allSettings(): Record<string, unknown> {
  const settings = read(undefined);
  return {
    interpreter: configuredInterpreter(vscode.workspace.workspaceFolders?.[0]) ?? "",
    analysis: { enabled: settings.get<boolean>("analysis.enabled", true) },
    inlayHints: settings.get<string>("inlayHints", "assigned"),
    pins: settings.get<Record<string, string>>("pins", {}),
  };
}

function read(folder: vscode.WorkspaceFolder | undefined): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration(SECTION, folder ?? null);
}
