/** Explain: a table of weights, two of them compared, and what a trained model makes of a sample. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { showExplanation } from "../views/explanationPanel";
import { execute } from "./target";
import { chooseWeights, type WeightsSource } from "./weightsSource";

type What = "activations" | "attributions";

export async function explainWeights(context: Context, argument: unknown): Promise<void> {
  const source = await chooseWeights(context, argument, vscode.l10n.t("Look into which weights?"));
  if (source !== undefined) {
    await showWeights(context, source, undefined);
  }
}

export async function compareWeights(context: Context, first: unknown, second: unknown): Promise<void> {
  const one = await chooseWeights(context, first, vscode.l10n.t("Compare which weights?"));
  const other = one && (await chooseWeights(context, second, vscode.l10n.t("Compare them with which?")));
  if (one !== undefined && other !== undefined) {
    await showWeights(context, one, other);
  }
}

async function showWeights(context: Context, one: WeightsSource, other: WeightsSource | undefined): Promise<void> {
  const title = vscode.l10n.t("Weights of {0}", one.name);
  const { html } = await waitFor<{ html: string }>(context, title, "pymodel.weightsPage", {
    source: one.path,
    ...(other === undefined ? {} : { against: other.path }),
  });
  showExplanation(title, html);
}

export async function explainSample(context: Context, what: What, argument: unknown, given: unknown): Promise<void> {
  const asked = await askSample(context, what, argument, given);
  if (asked !== undefined) {
    showExplanation(titleOf(what), asked.html);
  }
}

/** Runs a sample through the model of a run; what is not given is asked for. Undefined if a question was dismissed. */
export async function askSample(
  context: Context,
  what: What,
  argument: unknown,
  given: unknown,
): Promise<{ run: WeightsSource; html: string; folder: string } | undefined> {
  const placeHolder = vscode.l10n.t("Ask the model of which run?");
  const none = vscode.l10n.t("Train a model first: its weights and its data are what an explanation starts from.");
  const run = await chooseWeights(context, argument, placeHolder, { files: false, none });
  if (run === undefined) {
    return undefined;
  }
  const sample = typeof given === "string" ? given : await chooseSample();
  if (sample === undefined) {
    return undefined;
  }
  const asked = { what, run: run.path, sample };
  const answer = await waitFor<{ html: string; folder: string }>(context, titleOf(what), "pymodel.samplePage", asked);
  return { run, ...answer };
}

function titleOf(what: What): string {
  return what === "activations" ? vscode.l10n.t("Activations") : vscode.l10n.t("Why This Answer");
}

async function chooseSample(): Promise<string | undefined> {
  const items = [
    {
      label: vscode.l10n.t("A Row of the Data…"),
      detail: vscode.l10n.t("One of the examples that were held out of training"),
      ask: chooseRow,
    },
    {
      label: vscode.l10n.t("A File…"),
      detail: vscode.l10n.t("An image, a text, or arrays"),
      ask: chooseFile,
    },
    {
      label: vscode.l10n.t("A Text…"),
      detail: vscode.l10n.t("For a model of texts whose data set has a tokenizer"),
      ask: chooseText,
    },
    {
      label: vscode.l10n.t("Random Numbers"),
      detail: vscode.l10n.t("Of the shape that the model takes"),
      ask: async () => "random",
    },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t("Which sample?"),
    ignoreFocusOut: true,
  });
  return picked?.ask();
}

async function chooseRow(): Promise<string | undefined> {
  const validateInput = (text: string) =>
    /^\d+$/.test(text.trim()) ? undefined : vscode.l10n.t("A number, counted from 0");
  const prompt = vscode.l10n.t("Which row, counted from 0?");
  return (await vscode.window.showInputBox({ prompt, value: "0", validateInput, ignoreFocusOut: true }))?.trim();
}

async function chooseFile(): Promise<string | undefined> {
  const [chosen] = (await vscode.window.showOpenDialog({})) ?? [];
  return chosen?.fsPath;
}

async function chooseText(): Promise<string | undefined> {
  const prompt = vscode.l10n.t("The text that the model is asked about");
  return (await vscode.window.showInputBox({ prompt, ignoreFocusOut: true })) || undefined;
}

function waitFor<R>(context: Context, title: string, command: string, given: Record<string, unknown>): Promise<R> {
  const options = { location: vscode.ProgressLocation.Notification, title };
  return Promise.resolve(vscode.window.withProgress(options, () => execute<R>(context, command, given)));
}
