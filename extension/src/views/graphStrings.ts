/** The words of the graph page, in the editor's language. `{0}` is filled in by the page. */

import { l10n } from "vscode";
import type { Strings } from "../../webview/graph/messages";

export function graphStrings(): Strings {
  return {
    up: l10n.t("Up one level (Backspace)"),
    zoomIn: l10n.t("Zoom in"),
    zoomOut: l10n.t("Zoom out"),
    credit: l10n.t("uses Netron"),
    stale: l10n.t("The code has changed since; this is the last graph that could be traced."),
    close: l10n.t("Close"),
    back: l10n.t("Back to the code's graph"),
    open: l10n.t("Show what is inside"),
    drawing: l10n.t("Reading the model file…"),
    parameters: l10n.t("parameters"),
    parametersRow: l10n.t("Parameters"),
    operations: l10n.t("FLOPs"),
    inputs: l10n.t("In"),
    outputs: l10n.t("Out"),
    arguments: l10n.t("Arguments"),
    source: l10n.t("Source"),
    repeats: l10n.t("{0} equal blocks in a row; the numbers are those of one"),
    module: l10n.t("Path"),
    empty: l10n.t("Nothing runs here that could be drawn."),
    failed: l10n.t("The graph could not be drawn:"),
  };
}
