/**
 * Why No Shapes Here?: what was tried, what failed and what to do, as a page beside the code.
 * It is shown as text: a preview would fetch an image that a name in somebody's code asks for.
 */

import { basename } from "node:path";
import * as vscode from "vscode";
import type { Context } from "../context";
import { execute, resolveModel, resolveUri } from "./target";

const SCHEME = "pymodel-why";
const pages = new Map<string, string>();

interface WhyResult {
  status: "complete" | "partial" | "failed";
  construction: { expression: string } | null;
  inputs: readonly { name: string; expression: string }[];
  attempts: readonly string[];
  diagnostics: readonly { message: string; path: string; start: { line: number } }[];
  interpreter: string | null;
}

/** Serves the pages that `whyNoShapes` writes. */
export function registerExplanations(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => pages.get(uri.toString()) ?? "",
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => pages.delete(uri.toString())),
  );
}

export async function whyNoShapes(context: Context, where: unknown, target: unknown): Promise<void> {
  const uri = resolveUri(where);
  const model = await resolveModel(context, uri, target);
  if (model === undefined) {
    return;
  }
  const why = await execute<WhyResult>(context, "pymodel.why", { uri: uri.toString(), target: model.target });
  const page = vscode.Uri.from({ scheme: SCHEME, path: `/${model.name}.md`, query: String(Date.now()) });
  pages.set(page.toString(), describeWhy(model.name, why));
  await vscode.window.showTextDocument(page, { viewColumn: vscode.ViewColumn.Beside, preview: true });
}

function describeWhy(name: string, why: WhyResult): string {
  const headlines = {
    complete: vscode.l10n.t("{0}: every shape is known", name),
    partial: vscode.l10n.t("{0}: the shapes are known in part", name),
    failed: vscode.l10n.t("{0}: no shapes are known", name),
  };
  const found = [
    why.construction && vscode.l10n.t("Made by {0}", code(why.construction.expression)),
    ...why.inputs.map((input) => vscode.l10n.t("Fed with {0}", code(`${input.name} = ${input.expression}`))),
    why.interpreter
      ? vscode.l10n.t("Run on {0}", code(why.interpreter))
      : vscode.l10n.t("There is no Python to run it on: choose one with “PyModel: Select Interpreter”"),
  ];
  const wrong = why.diagnostics.map(
    ({ message, path, start }) => `${code(`${basename(path)}:${start.line}`)} ${message}`,
  );
  return [
    `# ${headlines[why.status]}\n`,
    section(vscode.l10n.t("What was found"), found),
    section(vscode.l10n.t("What went wrong"), wrong),
    section(vscode.l10n.t("What was tried"), why.attempts),
    section(vscode.l10n.t("What you can do"), [
      vscode.l10n.t("Name the input yourself: “PyModel: Set Example Input…”"),
      vscode.l10n.t("Read the log: “PyModel: Show Logs”"),
    ]),
  ].join("");
}

function section(title: string, lines: readonly (string | null)[]): string {
  const items = lines.filter((line) => line !== null).map((line) => `- ${line.replaceAll("\n", "\n  ")}\n`);
  return items.length > 0 ? `\n## ${title}\n\n${items.join("")}` : "";
}

function code(text: string): string {
  return `\`${text}\``;
}
