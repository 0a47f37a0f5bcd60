/** The words of the runs page, in the editor's language. `{0}` and `{1}` are filled in by the page. */

import { l10n } from "vscode";
import type { Strings } from "../../webview/runs/messages";

export function runsStrings(): Strings {
  return {
    title: l10n.t("Training runs"),
    run: l10n.t("Run"),
    empty: l10n.t("Nothing has been trained yet"),
    emptyAdvice: l10n.t("Open the file of a model and train it. Its loss and accuracy appear here while it runs."),
    train: l10n.t("Train Model"),
    stop: l10n.t("Stop"),
    pause: l10n.t("Pause"),
    continue: l10n.t("Continue"),
    stopping: l10n.t("Stopping…"),
    export: l10n.t("Export…"),
    explain: l10n.t("Explain…"),
    graph: l10n.t("Show in Graph"),
    log: l10n.t("Open Log"),
    logTail: l10n.t("End of the Log"),
    inTurn: l10n.t("It starts by itself when it is its turn."),
    waiting: l10n.t("The first values appear after a few steps."),
    failed: l10n.t("The run failed"),
    epoch: l10n.t("epoch {0} of {1}"),
    step: l10n.t("step {0} of {1}"),
    last: l10n.t("Last"),
    best: l10n.t("Best"),
    metric: l10n.t("Metric"),
    smooth: l10n.t("Smooth"),
    logScale: l10n.t("Log Scale"),
    compareWith: l10n.t("Compare with"),
    nothing: l10n.t("Nothing"),
    setting: l10n.t("Setting"),
    thisRun: l10n.t("This Run"),
    otherRun: l10n.t("The Other"),
    advice: l10n.t("What the Curves Say"),
    try: l10n.t("What to try:"),
    steps: l10n.t("steps {0} to {1}"),
    recipe: l10n.t("Open Recipe"),
    elapsed: l10n.t("{0} so far"),
    took: l10n.t("took {0}"),
    remaining: l10n.t("about {0} left"),
    states: {
      queued: l10n.t("Queued"),
      running: l10n.t("Running"),
      paused: l10n.t("Paused"),
      completed: l10n.t("Completed"),
      stopped: l10n.t("Stopped"),
      failed: l10n.t("Failed"),
      interrupted: l10n.t("Interrupted"),
    },
  };
}
