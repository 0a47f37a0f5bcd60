/** Every command of the palette, registered whether the server runs or not: without it they say so, and offer to restart it. */

import * as vscode from "vscode";
import { type Server, ServerNotRunning } from "../context";
import { describe } from "../log";
import type { RunsPanel } from "../views/runsPanel";
import type { RunsTree } from "../views/runsTree";
import { checkModel } from "./checkModel";
import { createSampleProject } from "./createSampleProject";
import { compareWeights, explainSample, explainWeights } from "./explain";
import { exportModel } from "./exportModel";
import { openLogs } from "./openLogs";
import { reportBug } from "./reportBug";
import {
  continueTraining,
  deleteRun,
  folderOf,
  noteRun,
  openRunLog,
  pauseTraining,
  renameRun,
  resumeTraining,
} from "./runActions";
import { runScript } from "./runScript";
import { selectInterpreter } from "./selectInterpreter";
import { setPin } from "./setPin";
import { stopTraining } from "./stopTraining";
import { toggleShapeHints } from "./toggleShapeHints";
import { trainModel } from "./trainModel";
import { registerExplanations, whyNoShapes } from "./whyNoShapes";

type Handler = (...args: never[]) => unknown;

export function registerCommands(server: Server, runs: RunsPanel, tree: RunsTree): vscode.Disposable {
  const handlers: Record<string, Handler> = {
    "pymodel.trainModel": (uri?: unknown, target?: unknown) => trainModel(server, runs, uri, target),
    "pymodel.exportModel": (uri?: unknown, target?: unknown, run?: unknown) => exportModel(server, uri, target, run),
    "pymodel.explainWeights": (source?: unknown) => explainWeights(server, source),
    "pymodel.compareWeights": (one?: unknown, other?: unknown) => compareWeights(server, one, other),
    "pymodel.explainActivations": (run?: unknown, sample?: unknown) =>
      explainSample(server, "activations", run, sample),
    "pymodel.explainPrediction": (run?: unknown, sample?: unknown) =>
      explainSample(server, "attributions", run, sample),
    "pymodel.runScript": (uri?: unknown) => runScript(server, uri),
    "pymodel.stopTraining": (run?: unknown) => stopTraining(server, folderOf(run)),
    "pymodel.pauseTraining": (run?: unknown) => pauseTraining(server, run),
    "pymodel.continueTraining": (run?: unknown) => continueTraining(server, run),
    "pymodel.resumeTraining": (run?: unknown) => resumeTraining(server, runs, run),
    "pymodel.openRunLog": (run?: unknown) => openRunLog(server, run),
    "pymodel.renameRun": (run?: unknown) => renameRun(server, run),
    "pymodel.noteRun": (run?: unknown) => noteRun(server, run),
    "pymodel.deleteRun": (run?: unknown) => deleteRun(server, tree, run),
    "pymodel.showRuns": (run?: unknown) => runs.show(folderOf(run)),
    "pymodel.openLogs": (folder?: unknown) => openLogs(server, runs, folder),
    "pymodel.createSampleProject": (folder?: unknown) => createSampleProject(server, folder),
    "pymodel.whyNoShapes": (uri?: unknown, target?: unknown) => whyNoShapes(server, uri, target),
    "pymodel.setExampleInput": (uri?: unknown, target?: unknown) => setPin(server, "inputs", uri, target),
    "pymodel.setConstructorArguments": (uri?: unknown, target?: unknown) => setPin(server, "construction", uri, target),
    "pymodel.reportBug": () => reportBug(server),
    "pymodel.checkModel": (uri?: unknown) => checkModel(server, uri),
    "pymodel.toggleShapeHints": () => toggleShapeHints(),
    "pymodel.showLogs": () => server.log.show(),
    "pymodel.restartServer": () => server.restart(),
    "pymodel.selectInterpreter": () => selectInterpreter(),
    "pymodel.manageTrust": () => vscode.commands.executeCommand("workbench.trust.manage"),
  };
  const commands = Object.entries(handlers).map(([id, handler]) =>
    vscode.commands.registerCommand(id, (...args: never[]) => explainFailure(server, id, () => handler(...args))),
  );
  return vscode.Disposable.from(registerExplanations(), ...commands);
}

/** The border at which a command's failure becomes words and a next step. */
async function explainFailure(server: Server, id: string, run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    server.log.error(`${id}: ${describe(error)}`);
    const logs = vscode.l10n.t("Show Logs");
    const restart = vscode.l10n.t("Restart Server");
    const actions = error instanceof ServerNotRunning ? [restart, logs] : [logs];
    void vscode.window.showErrorMessage(describe(error), ...actions).then((choice) => {
      if (choice === restart) {
        return server.restart();
      }
      return choice === logs ? server.log.show() : undefined;
    });
  }
}
