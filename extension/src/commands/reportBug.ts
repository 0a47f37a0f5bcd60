/**
 * Report a Bug…: one text with what a maintainer needs, opened for its reader to see, edit and copy. It holds no source
 * code: no line of the log that quotes any, no path below the home folder. Nothing is sent.
 */

import { homedir } from "node:os";
import * as vscode from "vscode";
import { SECTION } from "../config";
import type { Server } from "../context";
import { execute } from "./target";

interface Report {
  version: string;
  python: string;
  platform: string;
  encoding: string;
  trusted: boolean;
  workers: readonly { interpreter: string; mode: string; torch: string | null; error: string | null }[];
  documents: readonly { language: string; lines: number; models: readonly { kind: string; status: string }[] }[];
  log: readonly string[];
}

export async function reportBug(server: Server): Promise<void> {
  const settings = vscode.workspace.getConfiguration(SECTION);
  const shown = ["inlayHints", "workerMode", "trace.server"].map((key) => `${key}: ${settings.get(key)}`);
  const pins = Object.keys(settings.get<Record<string, string>>("pins", {})).length;
  const report = await execute<Report>(server, "pymodel.report", {}).catch(() => undefined);
  const sections = [
    `# ${vscode.l10n.t("What happened?")}\n\n${vscode.l10n.t("(What you did, what you expected, what came instead. Read all of this before you pass it on.)")}\n`,
    block("Versions", [
      `PyModel ${server.extension.extension.packageJSON.version}, VS Code ${vscode.version}`,
      `${process.platform} ${process.arch}, remote: ${vscode.env.remoteName ?? "no"}`,
      ...(report ? [`server on Python ${report.python}, ${report.platform}, positions in ${report.encoding}`] : []),
    ]),
    block("Settings", [...shown, `pins: ${pins}`, `interpreter set: ${settings.get("interpreter") !== ""}`]),
    block(
      "Workers",
      (report?.workers ?? []).map((worker) => JSON.stringify(worker)),
    ),
    block(
      "Open documents",
      (report?.documents ?? []).map((document) => JSON.stringify(document)),
    ),
    block(report ? "Log" : "The server is not running", report?.log ?? []),
  ];
  const content = sections.join("\n").replaceAll(homedir(), "~");
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "markdown", content }));
}

function block(title: string, lines: readonly string[]): string {
  return `## ${title}\n\n\`\`\`\n${lines.join("\n")}\n\`\`\`\n`;
}
