/** The settings, as the server and the launch want them. */

import { homedir } from "node:os";
import { basename, resolve } from "node:path";
import * as vscode from "vscode";

export const SECTION = "pymodel";

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

/** What the server is told of the settings when it starts. */
export interface ServerSettings {
  readonly inlayHints: string;
  readonly pins: Readonly<Record<string, string>>;
}

export function serverSettings(): ServerSettings {
  const settings = read(undefined);
  return {
    inlayHints: settings.get<string>("inlayHints", "assigned"),
    // A copy: what VS Code gives is a proxy, which compares as different from every other.
    pins: { ...settings.get<Record<string, string>>("pins", {}) },
  };
}

function read(folder: vscode.WorkspaceFolder | undefined): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration(SECTION, folder ?? null);
}
