/** Which weights a command is about: a run's best checkpoint, or a file. */

import { basename } from "node:path";
import * as vscode from "vscode";
import { type NamedRun, nameOf } from "../../webview/runs/messages";
import type { Context } from "../context";
import type { Run } from "../protocol";
import { listRuns } from "../runs";
import { CannotContinue } from "./target";

/** A file of weights, or the folder of a run. */
export interface WeightsSource {
  readonly path: string;
  readonly name: string;
}

/**
 * The source that an argument names, else the one that is picked; undefined if the question was dismissed. Where only a
 * run will do, and there is none, this throws the words of `none`.
 */
export async function chooseWeights(
  context: Context,
  argument: unknown,
  placeHolder: string,
  { files, none = "" }: { files: boolean; none?: string } = { files: true },
): Promise<WeightsSource | undefined> {
  if (argument instanceof vscode.Uri || (typeof argument === "string" && argument !== "")) {
    const path = typeof argument === "string" ? argument : argument.fsPath;
    return { path, name: basename(path) };
  }
  const runs = await findTrained(context);
  const items = runs.map(({ run, folder }) => ({
    label: nameOf(run),
    description: new Date(run.started * 1000).toLocaleString(),
    detail: describeMetrics(run),
    source: { path: folder, name: nameOf(run) } as WeightsSource | null,
  }));
  const file = { label: vscode.l10n.t("Choose a File…"), description: "", detail: "", source: null };
  if (items.length === 0) {
    if (!files) {
      throw new CannotContinue(none);
    }
    return chooseFile();
  }
  const picked = await vscode.window.showQuickPick(files ? [...items, file] : items, { placeHolder });
  return picked === undefined ? undefined : (picked.source ?? chooseFile());
}

/** The runs that have trained a model, the newest first. */
export async function findTrained(context: Context): Promise<NamedRun[]> {
  return (await listRuns(context)).filter(({ run }) => run.kind === "train" && run.last_step > 0);
}

async function chooseFile(): Promise<WeightsSource | undefined> {
  const filters = { [vscode.l10n.t("Weights")]: ["safetensors", "pt", "pth", "ckpt", "bin"] };
  const [chosen] = (await vscode.window.showOpenDialog({ filters })) ?? [];
  return chosen && { path: chosen.fsPath, name: basename(chosen.fsPath) };
}

/** The best values of a run, in one line. */
export function describeMetrics(run: Run): string {
  const best = Object.entries(run.metrics.best ?? {});
  return best.map(([name, value]) => `${name} ${typeof value === "number" ? value.toPrecision(4) : value}`).join(" · ");
}
