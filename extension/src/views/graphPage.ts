/** The graph page of a view or panel: options and HTML. */

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { graphHtml } from "./graphHtml";

export function graphPage(webview: vscode.Webview, extension: vscode.ExtensionContext): string {
  const folder = vscode.Uri.joinPath(extension.extensionUri, "out", "webview");
  webview.options = { enableScripts: true, localResourceRoots: [folder] };
  const address = (...parts: string[]) => webview.asWebviewUri(vscode.Uri.joinPath(folder, ...parts)).toString();
  return graphHtml({
    source: webview.cspSource,
    script: address("graph.js"),
    styles: [address("netron", "grapher.css"), address("graph.css")],
    nonce: randomBytes(16).toString("base64url"),
    language: vscode.env.language,
  });
}
