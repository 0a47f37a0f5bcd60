/** The tree of runs beneath the graph: newest first, each with its state, its last value and how long ago it moved. */

import * as vscode from "vscode";
import { hasCurves, isActive, type NamedRun, nameOf } from "../../webview/runs/messages";
import type { Context } from "../context";
import { describe } from "../log";
import { type MetricValue, methods, type Run, type RunChangedNotification } from "../protocol";
import { listRuns } from "../runs";
import { runsStrings } from "./runsStrings";
import { describeAge } from "./time";

const VIEW = "pymodel.runs";

const ICONS: Record<Run["state"], vscode.ThemeIcon> = {
  queued: new vscode.ThemeIcon("clock"),
  running: new vscode.ThemeIcon("sync~spin"),
  paused: new vscode.ThemeIcon("debug-pause"),
  completed: new vscode.ThemeIcon("pass", new vscode.ThemeColor("testing.iconPassed")),
  stopped: new vscode.ThemeIcon("debug-stop"),
  failed: new vscode.ThemeIcon("error", new vscode.ThemeColor("testing.iconFailed")),
  interrupted: new vscode.ThemeIcon("debug-disconnect", new vscode.ThemeColor("list.warningForeground")),
};

export class RunsTree implements vscode.TreeDataProvider<NamedRun>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<NamedRun | undefined>();
  private readonly subscriptions: vscode.Disposable;
  private runs: NamedRun[] = [];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly context: Context) {
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      vscode.window.createTreeView(VIEW, { treeDataProvider: this }),
      context.onDidStart(() => this.refresh()),
      context.onNotification<RunChangedNotification>(methods.runChanged, (change) => this.onRunChanged(change)),
    );
  }

  getChildren(parent?: NamedRun): NamedRun[] {
    return parent === undefined ? this.runs : [];
  }

  getTreeItem({ folder, run }: NamedRun): vscode.TreeItem {
    const item = new vscode.TreeItem(nameOf(run));
    item.id = folder;
    item.iconPath = ICONS[run.state];
    item.description = [lastValue(run), describeAge(run.updated)].filter((each) => each !== "").join(" · ");
    item.tooltip = [run.note, run.id, runsStrings().states[run.state], run.error?.message].filter(Boolean).join("\n");
    item.contextValue = `${run.kind}.${run.state}${isActive(run) ? ".active" : ""}`;
    item.command = { command: "pymodel.showRuns", title: "", arguments: [folder] };
    return item;
  }

  /** Reads the list anew. */
  async refresh(): Promise<void> {
    try {
      this.runs = (await listRuns(this.context)).filter(({ run }) => hasCurves(run));
      this.changed.fire(undefined);
    } catch (error) {
      this.context.log.error(`The tree of runs: ${describe(error)}`);
    }
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private onRunChanged({ folder, run }: RunChangedNotification): void {
    const known = this.runs.find((each) => each.folder === folder);
    if (known !== undefined) {
      known.run = run;
      this.changed.fire(known);
    } else if (hasCurves(run)) {
      void this.refresh();
    }
  }
}

/** The value that tells most: one of data held out of training, else the loss, else any. */
function lastValue(run: Run): string {
  const last = Object.entries(run.metrics.last ?? {});
  const told =
    last.find(([name]) => name.startsWith("validation/")) ?? last.find(([name]) => name.endsWith("loss")) ?? last[0];
  return told === undefined ? "" : `${told[0]} ${show(told[1])}`;
}

function show(value: MetricValue): string {
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}
