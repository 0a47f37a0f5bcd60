/** What a model is compared with: a question to the user, and the answer as the server knows it. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { type BasesParams, type BasesResult, methods } from "../protocol";
import { listRuns } from "../runs";

export interface Base {
  /** `git:REVISION`, `model:TARGET` or `run:FOLDER`. */
  id: string;
  label: string;
}

export async function chooseBase(context: Context, uri: string, target: string): Promise<Base | undefined> {
  const { revisions, models } = await context.request<BasesParams, BasesResult>(methods.bases, { uri, target });
  const runs = await listRuns(context, { uri });
  const items: (vscode.QuickPickItem & { base?: Base })[] = [];
  const group = (label: string, bases: readonly (Base & { description?: string })[]) => {
    if (bases.length > 0) {
      items.push({ label, kind: vscode.QuickPickItemKind.Separator });
      items.push(...bases.map((base) => ({ label: base.label, description: base.description ?? "", base })));
    }
  };
  const head = { id: "git:HEAD", label: "HEAD", description: vscode.l10n.t("the last commit") };
  const branches = revisions.map((name) => ({ id: `git:${name}`, label: name }));
  group("Git", revisions.length > 0 ? [head, ...branches] : []);
  group(
    vscode.l10n.t("Models"),
    models.map((each) => ({ id: `model:${each}`, label: each.split("::").at(-1) ?? each, description: each })),
  );
  const own = runs.filter(({ run }) => run.kind === "train" && run.target === target);
  group(
    vscode.l10n.t("The code that a run was trained with"),
    own.map(({ run, folder }) => ({ id: `run:${folder}`, label: new Date(run.started * 1000).toLocaleString() })),
  );
  if (items.length === 0) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("There is nothing to compare with: no git repository, no other open model, no run."),
    );
    return undefined;
  }
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Compare with which model?") });
  return picked?.base;
}
