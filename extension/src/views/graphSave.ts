/** A graph leaves the panel: as a picture that the page has drawn, as JSON, or as Mermaid on the clipboard. */

import * as vscode from "vscode";
import type { SavedFormat } from "../../webview/graph/messages";
import type { Context } from "../context";
import { type GraphResult, type GraphTextParams, type GraphTextResult, methods } from "../protocol";

export async function saveGraph(
  context: Context,
  { uri, target, title, level }: GraphResult,
  format: SavedFormat,
  data: string | ArrayBuffer | null,
): Promise<void> {
  if (target === null || level === null) {
    return;
  }
  if (format === "mermaid") {
    await vscode.env.clipboard.writeText(await graphText(context, { uri, target, format, path: level.path }));
    void vscode.window.showInformationMessage(vscode.l10n.t("The level is on the clipboard, as a Mermaid chart."));
    return;
  }
  const content = format === "json" ? await graphText(context, { uri, target, format }) : data;
  if (content === null) {
    return;
  }
  const name = [title, ...(level.path && format !== "json" ? [level.path] : [])].join("-").replace(/[^\w.-]+/g, "_");
  const folder = vscode.Uri.joinPath(vscode.Uri.parse(uri), "..");
  const file = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(folder, `${name.slice(0, 80)}.${format}`),
    filters: { [format.toUpperCase()]: [format] },
  });
  if (file !== undefined) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
    await vscode.workspace.fs.writeFile(file, bytes);
  }
}

async function graphText(context: Context, params: GraphTextParams): Promise<string> {
  return (await context.request<GraphTextParams, GraphTextResult>(methods.graphText, params)).text;
}
