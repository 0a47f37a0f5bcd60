/** Export Model: to a format, with the weights of a run, checked by the server; an ONNX file opens in the graph panel. */

import { basename } from "node:path";
import * as vscode from "vscode";
import type { Context } from "../context";
import { methods, type Run, type RunsParams, type RunsResult } from "../protocol";
import { execute, resolveModel, resolveUri } from "./target";

interface ExportResult {
  path: string;
  format: string;
  verified: boolean;
  sizes?: readonly number[];
  outputs?: readonly { name: string; max_abs_error: number | string | null }[];
}

export async function exportModel(context: Context, where: unknown, target: unknown, run: unknown): Promise<void> {
  const uri = resolveUri(where);
  const model = await resolveModel(context, uri, target);
  const format = model && (await chooseFormat());
  if (model === undefined || format === undefined) {
    return;
  }
  const folder = typeof run === "string" ? run : await chooseRun(context, uri, model.target);
  if (folder === undefined) {
    return;
  }
  const exporting = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t("Exporting {0} and checking the result", model.name),
  };
  const result = await vscode.window.withProgress(exporting, () =>
    execute<ExportResult>(context, "pymodel.export", {
      uri: uri.toString(),
      target: model.target,
      format,
      ...(folder === null ? {} : { run: folder }),
    }),
  );
  if (result.format === "onnx") {
    await vscode.commands.executeCommand("pymodel.openModelFile", result.path);
  }
  void vscode.window.showInformationMessage(describeResult(result));
}

async function chooseFormat(): Promise<string | undefined> {
  const items = [
    { label: "ONNX", detail: vscode.l10n.t("Runs in ONNX Runtime, in browsers and on phones"), format: "onnx" },
    { label: "ExportedProgram", detail: vscode.l10n.t("PyTorch's own .pt2: graph and weights"), format: "pt2" },
    { label: "safetensors", detail: vscode.l10n.t("The weights alone"), format: "safetensors" },
  ];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Export to which format?") });
  return picked?.format;
}

/** The run whose weights are exported; null for the untrained model, undefined if the question was dismissed. */
async function chooseRun(context: Context, uri: vscode.Uri, target: string): Promise<string | null | undefined> {
  const { runs, folders } = await context.request<RunsParams, RunsResult>(methods.runs, { uri: uri.toString() });
  const trained = runs
    .map((run, index) => ({ run, folder: folders[index] as string }))
    .filter(({ run }) => run.kind === "train" && run.target === target && run.last_step > 0);
  if (trained.length === 0) {
    return confirmUntrained();
  }
  if (trained.length === 1) {
    return trained[0]?.folder;
  }
  const items = trained.map(({ run, folder }) => ({
    label: new Date(run.started * 1000).toLocaleString(),
    description: describeMetrics(run),
    folder,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t("Export the weights of which run?"),
  });
  return picked?.folder;
}

async function confirmUntrained(): Promise<null | undefined> {
  const proceed = vscode.l10n.t("Export Untrained Weights");
  const choice = await vscode.window.showWarningMessage(
    vscode.l10n.t("This model has not been trained by PyModel yet. Export it with its initial weights?"),
    { modal: true },
    proceed,
  );
  return choice === proceed ? null : undefined;
}

function describeMetrics(run: Run): string {
  const best = Object.entries(run.metrics.best ?? {}).map(([name, value]) => `${name} ${round(value)}`);
  return best.join(" · ");
}

function round(value: number | string): string {
  return typeof value === "number" ? value.toPrecision(4) : value;
}

function describeResult(result: ExportResult): string {
  const name = basename(result.path);
  if (!result.verified) {
    return vscode.l10n.t("Exported to {0}.", name);
  }
  const errors = (result.outputs ?? []).map((output) => Number(output.max_abs_error)).filter(Number.isFinite);
  return vscode.l10n.t(
    "Exported to {0}, and checked: it gives what PyTorch gives (largest difference {1}).",
    name,
    Math.max(0, ...errors).toExponential(1),
  );
}
