/** Toggle Shape Hints: the shapes at line ends, off and on again as they were, where the setting is set. */

import * as vscode from "vscode";
import { SECTION } from "../config";

const SETTING = "inlayHints";
let levelBefore = "assigned";

export async function toggleShapeHints(): Promise<void> {
  const settings = vscode.workspace.getConfiguration(SECTION);
  const level = settings.get<string>(SETTING, "assigned");
  if (level !== "off") {
    levelBefore = level;
  }
  const isWorkspaces = settings.inspect(SETTING)?.workspaceValue !== undefined;
  const target = isWorkspaces ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await settings.update(SETTING, level === "off" ? levelBefore : "off", target);
}
