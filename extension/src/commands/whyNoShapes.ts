/** Why No Shapes Here?: what was tried, what failed and what to do, as a page beside the code. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { execute, resolveModel, resolveUri } from "./target";

const SCHEME = "pymodel-why";
const pages = new Map<string, string>();

interface WhyResult {
  text: string;
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
  pages.set(page.toString(), why.text);
  await vscode.window.showTextDocument(page, { viewColumn: vscode.ViewColumn.Beside, preview: true });
}
