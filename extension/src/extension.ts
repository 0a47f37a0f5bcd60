/** Wiring: what exists, and what is given to what. */

import * as vscode from "vscode";
import { registerCommands } from "./commands";
import { SECTION } from "./config";
import { Server } from "./context";
import { createLog } from "./log";
import { watchSelection } from "./python/extensions";
import { registerModelContextKey } from "./views/contextKeys";
import { registerGraphView } from "./views/graphView";
import { RunsPanel } from "./views/runsPanel";
import { RunsTree } from "./views/runsTree";
import { registerStatusItem } from "./views/statusItem";

const ENVIRONMENT_SETTLES_MS = 500;

let server: Server | undefined;

export function activate(extension: vscode.ExtensionContext): void {
  const log = createLog();
  log.info(`PyModel ${extension.extension.packageJSON.version}, VS Code ${vscode.version}, ${process.platform}`);
  server = new Server(extension, log);
  const runs = new RunsPanel(server);
  const tree = new RunsTree(server);
  extension.subscriptions.push(
    log,
    server,
    runs,
    tree,
    registerStatusItem(server),
    registerModelContextKey(server),
    registerGraphView(server),
    registerCommands(server, runs, tree),
    ...restartOnChange(server),
  );
  // Activation does not wait for it: the editor stays quick while interpreters are looked for.
  setImmediate(() => server?.restart());
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

/** Another interpreter, other settings or granted trust may each need another server. */
function restartOnChange(server: Server): vscode.Disposable[] {
  let timer: NodeJS.Timeout | undefined;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void server.takeChanges(), ENVIRONMENT_SETTLES_MS);
  };
  let selection: vscode.Disposable | undefined;
  void watchSelection(soon, server.log).then((watcher) => {
    selection = watcher;
  });
  return [
    vscode.workspace.onDidGrantWorkspaceTrust(soon),
    vscode.workspace.onDidChangeWorkspaceFolders(soon),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(SECTION)) {
        soon();
      }
    }),
    new vscode.Disposable(() => {
      clearTimeout(timer);
      selection?.dispose();
    }),
  ];
}
