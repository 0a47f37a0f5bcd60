/** The language status item: what PyModel is doing, which device will train, and the one click that helps. */

import * as vscode from "vscode";
import type { Server } from "../context";
import { methods, type StatusNotification } from "../protocol";

export function registerStatusItem(server: Server): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem("pymodel.status", { language: "python" });
  item.name = "PyModel";
  show(item, { state: "starting", text: vscode.l10n.t("PyModel is starting"), detail: "", device: null });
  return vscode.Disposable.from(
    item,
    server.onNotification<StatusNotification>(methods.status, (status) => show(item, status)),
    server.onDidChangeState((state) => {
      if (state === "failed") {
        show(item, {
          state: "error",
          text: vscode.l10n.t("PyModel's server is not running."),
          detail: "",
          device: null,
        });
        item.command = { command: "pymodel.restartServer", title: vscode.l10n.t("Restart Server") };
      }
    }),
  );
}

function show(item: vscode.LanguageStatusItem, status: StatusNotification): void {
  item.text = status.text;
  item.detail = status.detail;
  item.busy = status.state === "starting" || status.state === "analysing";
  item.severity = severities[status.state];
  item.command =
    status.state === "restricted"
      ? { command: "pymodel.manageTrust", title: vscode.l10n.t("Manage Trust") }
      : status.state === "error"
        ? { command: "pymodel.selectInterpreter", title: vscode.l10n.t("Select Interpreter") }
        : { command: "pymodel.showLogs", title: vscode.l10n.t("Show Logs") };
}

const severities: Record<StatusNotification["state"], vscode.LanguageStatusSeverity> = {
  starting: vscode.LanguageStatusSeverity.Information,
  ready: vscode.LanguageStatusSeverity.Information,
  analysing: vscode.LanguageStatusSeverity.Information,
  restricted: vscode.LanguageStatusSeverity.Warning,
  error: vscode.LanguageStatusSeverity.Error,
};
