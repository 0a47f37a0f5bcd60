/** What every part of the extension is given: the log, and the server as something to ask and to listen to. */

import { isDeepStrictEqual } from "node:util";
import * as vscode from "vscode";
import { type LanguageClient, State } from "vscode-languageclient/node";
import { changedSettings, createClient, describeLaunch, type Launch, needsRestart } from "./client";
import { describe } from "./log";
import { findInterpreters } from "./python/interpreter";

export interface Context {
  readonly extension: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  /** Asks the server, once it has started. Rejects with `ServerNotRunning` where there is none. */
  request<P, R>(method: string, params: P): Promise<R>;
  /** Listens to the server. The handler outlives restarts. */
  onNotification<P>(method: string, handler: (params: P) => void): vscode.Disposable;
  /** Fires each time the server has become ready to answer. */
  readonly onDidStart: vscode.Event<void>;
}

export class ServerNotRunning extends Error {
  constructor() {
    super(vscode.l10n.t("PyModel's server is not running."));
  }
}

export type ServerState = "stopped" | "starting" | "running" | "failed";

type Handler = (params: never) => void;

/** The one server of this window. Starts and stops follow each other, however often they are asked for. */
export class Server implements Context, vscode.Disposable {
  private client: LanguageClient | undefined;
  private launch: Launch | undefined;
  private state: ServerState = "stopped";
  private transition: Promise<void> | undefined;
  private restartWanted = false;
  private readonly handlers = new Map<string, Set<Handler>>();
  private readonly started = new vscode.EventEmitter<void>();
  private readonly stateChanged = new vscode.EventEmitter<ServerState>();
  private readonly trace: vscode.LogOutputChannel;

  readonly onDidStart = this.started.event;
  readonly onDidChangeState = this.stateChanged.event;

  constructor(
    readonly extension: vscode.ExtensionContext,
    readonly log: vscode.LogOutputChannel,
  ) {
    this.trace = vscode.window.createOutputChannel("PyModel Trace", { log: true });
  }

  async request<P, R>(method: string, params: P): Promise<R> {
    await this.transition;
    if (this.client?.state === State.Starting) {
      await this.client.start();
    }
    if (this.client?.state !== State.Running) {
      throw new ServerNotRunning();
    }
    return this.client.sendRequest<R>(method, params as object);
  }

  onNotification<P>(method: string, handler: (params: P) => void): vscode.Disposable {
    const handlers = this.handlers.get(method) ?? new Set();
    handlers.add(handler as Handler);
    if (!this.handlers.has(method)) {
      this.handlers.set(method, handlers);
      if (this.client) {
        this.forward(this.client, method);
      }
    }
    return new vscode.Disposable(() => handlers.delete(handler as Handler));
  }

  /** Stops the server, if it runs, and starts another. Calls during a restart lead to one more restart, not to many. */
  restart(): Promise<void> {
    this.restartWanted = true;
    this.transition ??= this.restartWhileWanted().finally(() => {
      this.transition = undefined;
    });
    return this.transition;
  }

  /** Tells the server what has changed in its settings; restarts it only where it has to be started differently. */
  async takeChanges(): Promise<void> {
    await this.transition;
    const launch = await this.resolveLaunch();
    if (launch === undefined || isDeepStrictEqual(launch, this.launch)) {
      return;
    }
    if (needsRestart(this.launch, launch) || this.client?.state !== State.Running) {
      await this.restart();
    } else {
      this.launch = launch;
      await this.client.sendNotification("workspace/didChangeConfiguration", { settings: changedSettings(launch) });
    }
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.state === State.Running || client?.state === State.Starting) {
      await client.dispose().catch((error) => this.log.warn(`The server did not stop by itself: ${describe(error)}`));
    }
    this.setState("stopped");
  }

  dispose(): void {
    this.started.dispose();
    this.stateChanged.dispose();
    this.trace.dispose();
  }

  private async restartWhileWanted(): Promise<void> {
    while (this.restartWanted) {
      this.restartWanted = false;
      await this.stop();
      await this.start();
    }
  }

  private async start(): Promise<void> {
    this.setState("starting");
    this.launch = await this.resolveLaunch();
    if (this.launch === undefined) {
      return;
    }
    this.log.info(`The server runs on ${this.launch.server}, models on ${this.launch.chosen ?? "what it finds"}`);
    const client = createClient(this.launch, {
      root: this.extension.extensionPath,
      cache: vscode.Uri.joinPath(this.extension.globalStorageUri, "pycache").fsPath,
      log: this.log,
      trace: this.trace,
      onGivenUp: () => this.fail(client, vscode.l10n.t("PyModel's server crashes again and again.")),
    });
    this.client = client;
    for (const method of this.handlers.keys()) {
      this.forward(client, method);
    }
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running && this.client === client) {
        this.setState("running");
        this.started.fire();
      }
    });
    try {
      await client.start();
    } catch (error) {
      this.fail(client, vscode.l10n.t("PyModel's server did not start: {0}", describe(error)));
    }
  }

  private async resolveLaunch(): Promise<Launch | undefined> {
    try {
      return describeLaunch(await findInterpreters(this.log));
    } catch (error) {
      this.fail(undefined, describe(error));
      return undefined;
    }
  }

  private forward(client: LanguageClient, method: string): void {
    client.onNotification(method, (params: unknown) => {
      for (const handler of this.handlers.get(method) ?? []) {
        try {
          handler(params as never);
        } catch (error) {
          this.log.error(`${method}: ${describe(error)}`);
        }
      }
    });
  }

  private fail(client: LanguageClient | undefined, message: string): void {
    if (client !== this.client) {
      return;
    }
    this.log.error(message);
    this.setState("failed");
    const [restart, select, logs] = [
      vscode.l10n.t("Restart Server"),
      vscode.l10n.t("Select Interpreter"),
      vscode.l10n.t("Show Logs"),
    ];
    const actions = new Map([
      [restart, "pymodel.restartServer"],
      [select, "pymodel.selectInterpreter"],
      [logs, "pymodel.showLogs"],
    ]);
    void vscode.window.showErrorMessage(message, ...actions.keys()).then((choice) => {
      return choice && vscode.commands.executeCommand(actions.get(choice) as string);
    });
  }

  private setState(state: ServerState): void {
    this.state = state;
    void vscode.commands.executeCommand("setContext", "pymodel.serverRunning", this.state === "running");
    this.stateChanged.fire(state);
  }
}
