/** Set Example Input…: edits the model's pin, the comment `# pymodel: …` at the end of its definition's line. */

import * as vscode from "vscode";
import type { Context } from "../context";
import { execute, resolveModel, resolveUri } from "./target";

const PIN = /\s*#\s*pymodel:(.*)$/;

interface WhyResult {
  /** The inputs in use, in the pins' grammar; null where none was found. */
  pin: string | null;
}

export async function setExampleInput(context: Context, where: unknown, target: unknown): Promise<void> {
  const uri = resolveUri(where);
  const model = await resolveModel(context, uri, target);
  if (model === undefined) {
    return;
  }
  const document = await vscode.workspace.openTextDocument(uri);
  const line = document.lineAt(model.line - 1);
  const found = PIN.exec(line.text)?.[1]?.trim() ?? (await pinInUse(context, uri, model.target));
  const pin = await vscode.window.showInputBox({
    title: vscode.l10n.t("Example input of {0}", model.name),
    prompt: vscode.l10n.t(
      "One per argument of forward; a construction may come first. Empty: PyModel finds it by itself.",
    ),
    placeHolder: "Net(width=64), x=(B, 3, 32, 32):float32",
    value: found,
    ignoreFocusOut: true,
  });
  if (pin === undefined) {
    return;
  }
  const code = line.text.replace(PIN, "").trimEnd();
  const edit = new vscode.WorkspaceEdit();
  edit.replace(uri, line.range, pin.trim() === "" ? code : `${code}  # pymodel: ${pin.trim()}`);
  await vscode.workspace.applyEdit(edit);
}

async function pinInUse(context: Context, uri: vscode.Uri, target: string): Promise<string> {
  const { pin } = await execute<WhyResult>(context, "pymodel.why", { uri: uri.toString(), target });
  return pin ?? "";
}
