/** Train Model: at most two questions (which model, which data), then the curves open beside the code. */

import { basename } from "node:path";
import * as vscode from "vscode";
import { isActive, nameOf } from "../../webview/runs/messages";
import type { Context } from "../context";
import { type DataFactory, methods, type TrainOptionsParams, type TrainOptionsResult } from "../protocol";
import { listRuns } from "../runs";
import type { RunsPanel } from "../views/runsPanel";
import { CannotContinue, chooseModel, execute, resolveUri } from "./target";

export async function trainModel(context: Context, runs: RunsPanel, where: unknown, target: unknown): Promise<void> {
  const recipe = openRecipe();
  if (recipe !== undefined && where === undefined) {
    await recipe.save();
    return start(context, runs, basename(recipe.uri.fsPath), { recipe: recipe.uri.fsPath });
  }
  const uri = resolveUri(where);
  const params = { uri: uri.toString(), target: typeof target === "string" ? target : null };
  const options = await context.request<TrainOptionsParams, TrainOptionsResult>(methods.trainOptions, params);
  const model = await chooseModel(options.models, uri, target);
  const data = model && (await chooseData(options.data));
  if (model === undefined || data === undefined) {
    return;
  }
  await start(context, runs, model.name, { uri: params.uri, target: model.target, data: data.reference });
}

/** The recipe in the active editor, which says all that would be asked. */
function openRecipe(): vscode.TextDocument | undefined {
  const document = vscode.window.activeTextEditor?.document;
  return document !== undefined && /(^|[\\/.])recipe\.toml$/.test(document.uri.fsPath) ? document : undefined;
}

async function start(context: Context, runs: RunsPanel, name: string, recipe: Record<string, unknown>): Promise<void> {
  const turn = await askForTurn(context);
  if (turn === undefined) {
    return;
  }
  const given = { ...recipe, in_turn: turn === "after" };
  const starting = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t("Starting to train {0}", name),
  };
  const { folder } = await vscode.window.withProgress(starting, () =>
    execute<{ folder: string }>(context, "pymodel.train", given),
  );
  await runs.show(folder);
}

/** Two trainings on one device make each other slow, and may not fit into its memory together. */
async function askForTurn(context: Context): Promise<"now" | "after" | undefined> {
  const atWork = (await listRuns(context)).find(({ run }) => run.kind === "train" && isActive(run));
  if (atWork === undefined) {
    return "now";
  }
  const items = [
    {
      label: vscode.l10n.t("After It"),
      description: vscode.l10n.t("Waits in the list of runs, also while this window is closed"),
      turn: "after" as const,
    },
    { label: vscode.l10n.t("Now"), description: vscode.l10n.t("Both at once"), turn: "now" as const },
  ];
  const placeHolder = vscode.l10n.t("{0} is in training. When should this one start?", nameOf(atWork.run));
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.turn;
}

async function chooseData(factories: readonly DataFactory[]): Promise<DataFactory | undefined> {
  if (factories.length === 0) {
    throw new CannotContinue(
      vscode.l10n.t(
        "No training data was found. Write a Dataset class, or a function without required arguments that returns a Dataset or a DataLoader.",
      ),
    );
  }
  if (factories.length === 1) {
    return factories[0];
  }
  const items = factories.map((factory) => ({
    label: factory.name,
    description: `${basename(factory.path)}:${factory.line}`,
    detail: factory.reason,
    factory,
  }));
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Train on which data?") });
  return picked?.factory;
}
