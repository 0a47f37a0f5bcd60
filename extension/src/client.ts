/** How the server is started, and what the language client is told about it. */

import { join } from "node:path";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  type ErrorHandler,
  type Executable,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
} from "vscode-languageclient/node";
import { type ServerSettings, serverSettings, workerMode } from "./config";
import { logServerLines } from "./log";
import type { Interpreters } from "./python/interpreter";

/** Where the server's file events would need a compiled library, the editor's own serve. */
const watchesFiles = process.platform === "darwin";
const MAX_CRASHES = 3;
const CRASH_WINDOW_MS = 3 * 60 * 1000;

/** All that a server is started with. */
export interface Launch extends Interpreters {
  readonly trusted: boolean;
  readonly workerMode: "fork" | "persistent" | null;
  readonly settings: ServerSettings;
}

/** Whether a running server can take what has changed; otherwise another one is needed. */
export function needsRestart(running: Launch | undefined, wanted: Launch): boolean {
  return (
    running?.server !== wanted.server || running.trusted !== wanted.trusted || running.workerMode !== wanted.workerMode
  );
}

/** What `workspace/didChangeConfiguration` tells a running server. */
export function changedSettings(launch: Launch): Record<string, unknown> {
  return { pymodel: { ...launch.settings, interpreter: launch.chosen, interpreters: launch.byFolder } };
}

export function describeLaunch(interpreters: Interpreters): Launch {
  return { ...interpreters, trusted: vscode.workspace.isTrusted, workerMode: workerMode(), settings: serverSettings() };
}

export interface ClientOptions {
  /** The folder that holds `server/` and `pymodel/`. */
  readonly root: string;
  /** A folder for Python's compiled files, so that none are written beside the sources. */
  readonly cache: string;
  readonly log: vscode.LogOutputChannel;
  readonly trace: vscode.LogOutputChannel;
  /** Called when the server has crashed too often to be started again by itself. */
  readonly onGivenUp: () => void;
}

export function createClient(launch: Launch, { root, cache, log, trace, onGivenUp }: ClientOptions): LanguageClient {
  const server: Executable = {
    command: launch.server,
    // Flags, not variables of the environment, which jobs would inherit. -P: no import from the current folder.
    args: ["-P", "-u", "-X", "utf8", "-X", `pycache_prefix=${cache}`, join(root, "server", "launch.py")],
    options: { cwd: root },
  };
  const options: LanguageClientOptions = {
    documentSelector: [
      { scheme: "file", language: "python" },
      { scheme: "untitled", language: "python" },
      { scheme: "file", pattern: "**/{recipe,*.recipe}.toml" },
      { notebook: "*", language: "python" },
    ],
    // Links in hovers may run these commands, and no others.
    markdown: { isTrusted: { enabledCommands: ["pymodel.setExampleInput"] } },
    outputChannel: log,
    traceOutputChannel: trace,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    stdioOptions: { stdout: logServerLines, stderr: logServerLines },
    errorHandler: boundedRestarts(onGivenUp),
    synchronize: watchesFiles
      ? { fileEvents: vscode.workspace.createFileSystemWatcher("**/{*.py,pyproject.toml}") }
      : {},
    initializationOptions: {
      client: "vscode",
      trusted: launch.trusted,
      interpreter: launch.chosen,
      interpreters: launch.byFolder,
      workerMode: launch.workerMode,
      fileEvents: watchesFiles ? "client" : "server",
      settings: launch.settings,
    },
    initializationFailedHandler: () => false,
  };
  return new LanguageClient("pymodel", "PyModel", server, options);
}

/** Starts a crashed server again, but not for ever: a crash at every start would never end. */
function boundedRestarts(onGivenUp: () => void): ErrorHandler {
  let crashes: number[] = [];
  return {
    error: () => ({ action: ErrorAction.Continue, handled: true }),
    closed: () => {
      const now = Date.now();
      crashes = [...crashes.filter((time) => now - time < CRASH_WINDOW_MS), now];
      if (crashes.length <= MAX_CRASHES) {
        return { action: CloseAction.Restart, handled: true };
      }
      onGivenUp();
      return { action: CloseAction.DoNotRestart, handled: true };
    },
  };
}
