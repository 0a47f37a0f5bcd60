/** Which interpreters there may be, best first, and whether one is new enough to run the server. */

import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { configuredInterpreter } from "../config";
import { projectFolders, selectedByExtension } from "./extensions";

const run = promisify(execFile);
const OLDEST = [3, 11] as const;

export interface Interpreters {
  /** What the user's models run on, if a setting or a Python extension says so; else the server looks for itself. */
  readonly chosen: string | null;
  /** The same by folder, where the window has several or the Python extension knows projects in them. */
  readonly byFolder: Readonly<Record<string, string>>;
  /** What the server runs on. */
  readonly server: string;
}

export class NoPython extends Error {}

/** Raises `NoPython` if nothing here can run the server. */
export async function findInterpreters(log: vscode.LogOutputChannel): Promise<Interpreters> {
  const folder = currentFolder();
  const configured = configuredInterpreter(folder);
  // What is selected may lie in the workspace, whose programs are not run before it is trusted.
  const selected = vscode.workspace.isTrusted ? await selectedByExtension(folder?.uri, log) : undefined;
  const chosen = configured ?? selected ?? null;
  const candidates = [chosen, await virtualEnvironment(folder), ...onPath()].filter((path) => path !== null);
  const problems: string[] = [];
  for (const candidate of candidates) {
    const { executable, problem } = await probe(candidate);
    if (problem === null) {
      const byFolder = await interpretersByFolder(log);
      const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
      // One folder's choice is not the others'.
      const forWindow = several
        ? (configuredInterpreter(undefined) ?? null)
        : candidate === chosen
          ? executable
          : chosen;
      return { chosen: forWindow, byFolder, server: executable };
    }
    log.info(`${candidate} cannot run PyModel's server: ${problem}`);
    problems.push(`${candidate}: ${problem}`);
  }
  throw new NoPython(
    vscode.l10n.t("PyModel needs Python {0} or newer, and found none. ({1})", OLDEST.join("."), problems.join("; ")),
  );
}

/** What is set or selected for each folder of the window, and for each project that the Python extension knows. */
async function interpretersByFolder(log: vscode.LogOutputChannel): Promise<Record<string, string>> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const projects = vscode.workspace.isTrusted ? await projectFolders(log) : [];
  const found: Record<string, string> = {};
  for (const uri of [...folders.map((folder) => folder.uri), ...projects]) {
    const configured = configuredInterpreter(vscode.workspace.getWorkspaceFolder(uri));
    const selected = vscode.workspace.isTrusted ? await selectedByExtension(uri, log) : undefined;
    const interpreter = configured ?? selected;
    if (interpreter !== undefined && isAbsolute(interpreter)) {
      found[uri.fsPath] = interpreter;
    }
  }
  return found;
}

/** The folder of the active editor, else the first one: its interpreter counts for the window. */
export function currentFolder(): vscode.WorkspaceFolder | undefined {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return (uri && vscode.workspace.getWorkspaceFolder(uri)) ?? vscode.workspace.workspaceFolders?.[0];
}

/** The interpreter of the folder's `.venv`; null in an untrusted workspace, whose programs are not run. */
export async function virtualEnvironment(folder: vscode.WorkspaceFolder | undefined): Promise<string | null> {
  if (folder === undefined || !vscode.workspace.isTrusted) {
    return null;
  }
  const program = process.platform === "win32" ? join("Scripts", "python.exe") : join("bin", "python");
  const path = join(folder.uri.fsPath, ".venv", program);
  return access(path, constants.X_OK).then(
    () => path,
    () => null,
  );
}

export function onPath(): string[] {
  return process.platform === "win32" ? ["python", "py"] : ["python3", "python"];
}

export interface Probe {
  /** The program's absolute path, where it runs at all. */
  readonly executable: string;
  /** Why it cannot run the server; null if it can. */
  readonly problem: string | null;
}

/** Runs the interpreter to see what it is. Arguments are never given to a shell. */
export async function probe(interpreter: string): Promise<Probe> {
  try {
    const script = "import sys; print(sys.executable); print(*sys.version_info[:2])";
    const { stdout } = await run(interpreter, ["-I", "-c", script], { timeout: 10_000, shell: false });
    const [executable = interpreter, version = ""] = stdout.trim().split(/\r?\n/);
    const [major = 0, minor = 0] = version.split(" ").map(Number);
    const newEnough = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
    return { executable, problem: newEnough ? null : vscode.l10n.t("it is Python {0}.{1}", major, minor) };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const problem = missing ? vscode.l10n.t("there is no such program") : vscode.l10n.t("it does not run");
    return { executable: interpreter, problem };
  }
}
