/** Shows a page that the engine has made. It is whole: it fetches nothing, and its own policy lets nothing else in. */

import * as vscode from "vscode";

const VIEW_TYPE = "pymodel.explanation";

/** The page that was opened last: the next one goes to its column, not to one more. */
let latest: vscode.WebviewPanel | undefined;

export function showExplanation(title: string, html: string): void {
  const column = latest?.viewColumn ?? vscode.ViewColumn.Beside;
  const panel = vscode.window.createWebviewPanel(VIEW_TYPE, title, column, {
    enableScripts: true,
    enableFindWidget: true,
    localResourceRoots: [],
  });
  panel.webview.html = html;
  panel.onDidDispose(() => {
    latest = latest === panel ? undefined : latest;
  });
  latest = panel;
}
