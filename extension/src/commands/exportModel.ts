/** Export Model: to a format, with the weights of a run, checked by the server; an ONNX file opens in the graph panel. */

import { basename } from "node:path";
import * as vscode from "vscode";
import type { Context } from "../context";
import type { Position } from "../protocol";
import { listRuns } from "../runs";
import { execute, resolveModel, resolveUri } from "./target";
import { describeMetrics } from "./weightsSource";

interface Failure {
  message: string;
  path: string | null;
  line: number | null;
}

interface ExportResult {
  path?: string;
  format?: string;
  verified: boolean;
  sizes?: readonly Record<string, number>[];
  outputs?: readonly { name: string; max_abs_error: number | string }[];
  report?: string;
  error: Failure | null;
}

interface Limits {
  meaning: string;
  min: number;
  multiple_of: number;
  max: number | null;
}

interface Preflight {
  hindrances: readonly { message: string; path: string; start: Position }[];
  inputs: readonly string[];
  symbols: Record<string, Limits>;
}

export async function exportModel(context: Context, where: unknown, target: unknown, run: unknown): Promise<void> {
  const uri = resolveUri(where);
  const model = await resolveModel(context, uri, target);
  if (model === undefined) {
    return;
  }
  const about = { uri: uri.toString(), target: model.target };
  const preflight = await execute<Preflight>(context, "pymodel.preflight", about);
  if (!(await acceptHindrances(preflight))) {
    return;
  }
  const format = await chooseFormat(preflight);
  if (format === undefined) {
    return;
  }
  const weights = typeof run === "string" ? { run } : await chooseWeights(context, uri, model.target);
  if (weights === undefined) {
    return;
  }
  const exporting = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t("Exporting {0} and checking the result", model.name),
  };
  const result = await vscode.window.withProgress(exporting, () =>
    execute<ExportResult>(context, "pymodel.export", { ...about, format, ...weights }),
  );
  if (result.error !== null) {
    return showFailure(result, result.error);
  }
  if (result.format === "onnx") {
    await vscode.commands.executeCommand("pymodel.openModelFile", result.path);
  }
  const report = vscode.l10n.t("Open Report");
  const choice = await vscode.window.showInformationMessage(describeResult(result), report);
  if (choice === report && result.report !== undefined) {
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.file(result.report));
  }
}

/** What may stop the export, before anything is run: whether to go on. A picked line is shown instead. */
async function acceptHindrances({ hindrances }: Preflight): Promise<boolean> {
  if (hindrances.length === 0) {
    return true;
  }
  const onward = { label: vscode.l10n.t("$(play) Export all the same"), hindrance: undefined };
  const items = hindrances.map((hindrance) => ({
    label: `$(warning) ${basename(hindrance.path)}:${hindrance.start.line}`,
    detail: hindrance.message,
    hindrance,
  }));
  const picked = await vscode.window.showQuickPick([...items, onward], {
    title: vscode.l10n.t("Will this export? {0} places may stop it", hindrances.length),
    placeHolder: vscode.l10n.t("Pick a line to see it"),
  });
  if (picked?.hindrance !== undefined) {
    await showLine(picked.hindrance.path, picked.hindrance.start.line);
  }
  return picked === onward;
}

async function showLine(path: string, line: number): Promise<void> {
  const place = new vscode.Range(line - 1, 0, line - 1, 0);
  await vscode.window.showTextDocument(vscode.Uri.file(path), { selection: place });
}

/** The failure stands on its line, too: the server gives a diagnostic there. */
async function showFailure(result: ExportResult, error: Failure): Promise<void> {
  const line = vscode.l10n.t("Show Line");
  const report = vscode.l10n.t("Open Report");
  const actions = [...(error.path && error.line ? [line] : []), ...(result.report ? [report] : [])];
  const choice = await vscode.window.showErrorMessage(error.message, ...actions);
  if (choice === line && error.path && error.line) {
    await showLine(error.path, error.line);
  } else if (choice === report && result.report) {
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.file(result.report));
  }
}

async function chooseFormat(preflight: Preflight): Promise<string | undefined> {
  const items = [
    { label: "ONNX", detail: vscode.l10n.t("Runs in ONNX Runtime, in browsers and on phones"), format: "onnx" },
    { label: "ExportedProgram", detail: vscode.l10n.t("PyTorch's own .pt2: graph and weights"), format: "pt2" },
    { label: "safetensors", detail: vscode.l10n.t("The weights alone"), format: "safetensors" },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: describeSizes(preflight),
    placeHolder: vscode.l10n.t("Export to which format?"),
    ignoreFocusOut: true,
  });
  return picked?.format;
}

/** The sizes that the file will let vary, as the trace found them: `B, T ≤ 512, H = 32 n`. */
function describeSizes({ inputs, symbols }: Preflight): string {
  const sizes = Object.entries(symbols).map(([name, { min, multiple_of, max }]) => {
    const step = multiple_of > 1 ? ` = ${multiple_of} n` : "";
    const least = min > 1 && min !== multiple_of ? ` ≥ ${min}` : "";
    return `${name}${step}${least}${max === null ? "" : ` ≤ ${max}`}`;
  });
  const shown = inputs.join(", ");
  return sizes.length === 0
    ? vscode.l10n.t("{0}: all sizes are fixed", shown)
    : vscode.l10n.t("{0}: may vary: {1}", shown, sizes.join(", "));
}

type Weights = { run?: string; weights?: string };

/** Where the weights come from: a run, a file, or the model's first ones; undefined if a question was dismissed. */
async function chooseWeights(context: Context, uri: vscode.Uri, target: string): Promise<Weights | undefined> {
  const runs = await listRuns(context, { uri: uri.toString() });
  const trained = runs.filter(({ run }) => run.kind === "train" && run.target === target && run.last_step > 0);
  const items = [
    ...trained.map(({ run, folder }) => ({
      label: `$(history) ${new Date(run.started * 1000).toLocaleString()}`,
      description: describeMetrics(run),
      choose: async (): Promise<Weights | undefined> => ({ run: folder }),
    })),
    {
      label: vscode.l10n.t("$(file) Weights in a file…"),
      description: ".pt, .pth, .safetensors",
      choose: chooseFile,
    },
    {
      label: vscode.l10n.t("$(circle-slash) Untrained weights"),
      description: vscode.l10n.t("as the constructor makes them"),
      choose: async (): Promise<Weights | undefined> => ({}),
    },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t("Export which weights?"),
    ignoreFocusOut: true,
  });
  return picked?.choose();
}

async function chooseFile(): Promise<Weights | undefined> {
  const filters = { [vscode.l10n.t("Weights")]: ["pt", "pth", "bin", "ckpt", "safetensors"] };
  const [file] = (await vscode.window.showOpenDialog({ canSelectMany: false, filters })) ?? [];
  return file === undefined ? undefined : { weights: file.fsPath };
}

function describeResult(result: ExportResult): string {
  const name = basename(result.path ?? "");
  const sizes = describeRuns(result.sizes ?? []) || vscode.l10n.t("its one size");
  if (result.format === "safetensors") {
    return vscode.l10n.t("Exported to {0}, and checked: it holds what the model holds, bit for bit.", name);
  }
  const errors = (result.outputs ?? []).map((output) => Number(output.max_abs_error)).filter(Number.isFinite);
  return vscode.l10n.t(
    "Exported to {0}, and checked at {1}: it gives what PyTorch gives (largest difference {2}).",
    name,
    sizes,
    Math.max(0, ...errors).toExponential(1),
  );
}

/** The sizes of all runs, symbol by symbol: `B=2, 3, 5; T=7, 8`. */
function describeRuns(sizes: readonly Record<string, number>[]): string {
  const values = new Map<string, Set<number>>();
  for (const [name, size] of sizes.flatMap((each) => Object.entries(each))) {
    values.set(name, (values.get(name) ?? new Set()).add(size));
  }
  return [...values].map(([name, found]) => `${name}=${[...found].join(", ")}`).join("; ");
}
