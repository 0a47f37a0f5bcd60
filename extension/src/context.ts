/** What every part of the extension is given: the log, and the server as something to ask and to listen to. */

import type * as vscode from "vscode";

export interface Context {
  readonly extension: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  /** Asks the server. Rejects with `ServerNotRunning` while there is none. */
  request<P, R>(method: string, params: P): Promise<R>;
  /** Listens to the server. The handler outlives restarts. */
  onNotification<P>(method: string, handler: (params: P) => void): vscode.Disposable;
  /** Fires each time the server has become ready to answer. */
  readonly onDidStart: vscode.Event<void>;
}
