/**
 * The interpreter that a person has selected in the Python Environments extension, else in the Python extension.
 * Both are optional; only the few members used here are described.
 */

import { setTimeout as wait } from "node:timers/promises";
import * as vscode from "vscode";
import { describe } from "../log";

interface EnvironmentsApi {
  getPythonProjects?(): readonly { readonly uri: vscode.Uri }[];
  getEnvironment(scope: vscode.Uri | undefined): Promise<{ execInfo: { run: { executable: string } } } | undefined>;
  onDidChangeEnvironment: vscode.Event<unknown>;
}

interface PythonApi {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(path: { path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

const ENVIRONMENTS = "ms-python.vscode-python-envs";
const PYTHON = "ms-python.python";

/** These extensions may take long to start. Then we start without them, and hear of their selection later. */
const PATIENCE_MS = 5_000;

export async function selectedByExtension(
  resource: vscode.Uri | undefined,
  log: vscode.LogOutputChannel,
): Promise<string | undefined> {
  try {
    return await Promise.race([askExtensions(resource), wait(PATIENCE_MS, undefined)]);
  } catch (error) {
    log.warn(`The Python extensions did not say which interpreter is selected: ${describe(error)}`);
    return undefined;
  }
}

async function askExtensions(resource: vscode.Uri | undefined): Promise<string | undefined> {
  const environments = await activate<EnvironmentsApi>(ENVIRONMENTS);
  const environment = await environments?.getEnvironment(resource);
  if (environment) {
    return environment.execInfo.run.executable;
  }
  const python = await activate<PythonApi>(PYTHON);
  const active = python?.environments.getActiveEnvironmentPath(resource);
  const resolved = active && (await python?.environments.resolveEnvironment(active));
  return resolved?.executable.uri?.fsPath;
}

/** The folders of the projects that the Python Environments extension knows; each may have its own environment. */
export async function projectFolders(log: vscode.LogOutputChannel): Promise<readonly vscode.Uri[]> {
  try {
    const environments = await Promise.race([activate<EnvironmentsApi>(ENVIRONMENTS), wait(PATIENCE_MS, undefined)]);
    return environments?.getPythonProjects?.().map((project) => project.uri) ?? [];
  } catch (error) {
    log.warn(`The Python Environments extension did not say which projects there are: ${describe(error)}`);
    return [];
  }
}

/** Calls `changed` when another interpreter is selected in either extension. */
export async function watchSelection(
  changed: () => void,
  log: vscode.LogOutputChannel,
): Promise<vscode.Disposable | undefined> {
  try {
    const environments = await activate<EnvironmentsApi>(ENVIRONMENTS);
    const python = await activate<PythonApi>(PYTHON);
    return vscode.Disposable.from(
      ...(environments ? [environments.onDidChangeEnvironment(changed)] : []),
      ...(python ? [python.environments.onDidChangeActiveEnvironmentPath(changed)] : []),
    );
  } catch (error) {
    log.warn(`The Python extensions do not say when another interpreter is selected: ${describe(error)}`);
    return undefined;
  }
}

/** An extension's API; undefined where it is not installed, or exports nothing because it is switched off. */
async function activate<Api>(id: string): Promise<Api | undefined> {
  return (await vscode.extensions.getExtension<Api | undefined>(id)?.activate()) ?? undefined;
}
