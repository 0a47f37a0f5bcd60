/** The HTML shell of a webview: its bundled script and stylesheet, and a policy that lets nothing else in. */

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/** The folder of the bundled pages, the only one that a page may read. */
export function pagesFolder(extension: vscode.ExtensionContext): vscode.Uri {
  return vscode.Uri.joinPath(extension.extensionUri, "out", "webview");
}

/** `name` is that of the bundle: `runs` for `runs.js` and `runs.css`. */
export function renderPage(webview: vscode.Webview, extension: vscode.ExtensionContext, name: string): string {
  const nonce = randomBytes(16).toString("base64url");
  const file = (suffix: string) => webview.asWebviewUri(vscode.Uri.joinPath(pagesFolder(extension), name + suffix));
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `img-src ${webview.cspSource} data:`,
    `font-src ${webview.cspSource}`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${file(".css")}">
<title>PyModel</title>
</head>
<body>
<main id="page"></main>
<script type="module" nonce="${nonce}" src="${file(".js")}"></script>
</body>
</html>`;
}
