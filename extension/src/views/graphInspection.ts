/** What has been learned, for one graph page: whose weights, which sample; and what of both lies inside of a node. */

import * as vscode from "vscode";
import type { Inside, Inspected, InspectedThing } from "../../webview/graph/messages";
import { hasCurves, nameOf } from "../../webview/runs/messages";
import { askSample } from "../commands/explain";
import { chooseWeights } from "../commands/weightsSource";
import type { Context } from "../context";
import { describe } from "../log";
import {
  type ActivationsParams,
  type ActivationsReport,
  type ActivationsResult,
  methods,
  type Node,
  type Prediction,
  type TensorReport,
  type TensorValues,
  type TensorValuesParams,
  type TensorValuesResult,
  type WeightsParams,
  type WeightsResult,
} from "../protocol";
import { listRuns } from "../runs";

export class GraphInspection {
  inspected: Inspected | null = null;
  private report: { folder: string; activations: ActivationsReport } | undefined;

  constructor(private readonly context: Context) {}

  /** The run whose samples of its layers can be coloured by. */
  get run(): string | null {
    return this.inspected?.isRun ? this.inspected.source : null;
  }

  /** Asks what to look into; whether there is an answer. */
  async choose(what: InspectedThing): Promise<boolean> {
    switch (what) {
      case "nothing":
        this.inspected = null;
        return true;
      case "weights":
        return this.chooseWeights();
      case "sample":
        return this.chooseSample();
    }
  }

  /** Asks for a run to colour by; whether there is one. */
  async chooseRun(): Promise<boolean> {
    const runs = (await listRuns(this.context)).filter(({ run }) => hasCurves(run) && run.kind !== "attached");
    if (runs.length === 0) {
      const words = vscode.l10n.t("There is no run yet: train the model, or run a training script with the monitor.");
      void vscode.window.showInformationMessage(words);
      return false;
    }
    const items = runs.map(({ run, folder }) => ({
      label: nameOf(run),
      description: new Date(run.started * 1000).toLocaleString(),
      folder,
    }));
    const placeHolder = vscode.l10n.t("Colour by what which run saw of its layers?");
    const picked = await vscode.window.showQuickPick(items, { placeHolder });
    if (picked !== undefined) {
      this.lookIntoRun(picked.folder, picked.label);
    }
    return picked !== undefined;
  }

  lookIntoRun(folder: string, label: string): void {
    this.inspected = { source: folder, isRun: true, label, sample: null };
  }

  /** What lies inside of a node; what cannot be read says why. */
  async look(node: Node): Promise<Inside> {
    const failures: string[] = [];
    const attempt = async <T>(read: () => Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await read();
      } catch (error) {
        failures.push(describe(error));
        return otherwise;
      }
    };
    const [tensors, sample] = await Promise.all([
      attempt(() => this.readWeights(node), []),
      attempt(() => this.readSample(node), { layer: null, attention: [], pictures: {} }),
    ]);
    if (tensors.length === 0 && node.weights.length > 0 && failures.length === 0) {
      failures.push(vscode.l10n.t("These weights hold none of this node."));
    }
    return { tensors, ...sample, failure: failures[0] ?? null };
  }

  async readValues(name: string, start: number): Promise<TensorValues | undefined> {
    if (this.inspected === null) {
      return undefined;
    }
    const params = { source: this.inspected.source, name, start };
    const found = await this.context.request<TensorValuesParams, TensorValuesResult>(methods.tensorValues, params);
    return found.tensor;
  }

  private async chooseWeights(): Promise<boolean> {
    const source = await chooseWeights(this.context, undefined, vscode.l10n.t("Look into which weights?"));
    if (source !== undefined) {
      this.inspected = { source: source.path, isRun: await isFolder(source.path), label: source.name, sample: null };
    }
    return source !== undefined;
  }

  private async chooseSample(): Promise<boolean> {
    const asked = await askSample(this.context, "activations", this.run ?? undefined, undefined);
    if (asked === undefined) {
      return false;
    }
    const { run, folder } = asked;
    const { sample, prediction } = await this.readReport(folder);
    const words = `${sample.title} → ${describeAnswer(prediction)}`;
    const label = this.run === run.path && this.inspected !== null ? this.inspected.label : run.name;
    this.inspected = { source: run.path, isRun: true, label, sample: { folder, words } };
    return true;
  }

  /** The tensors of the node's own module. */
  private async readWeights(node: Node): Promise<readonly TensorReport[]> {
    const { path, weights } = node;
    if (this.inspected === null || path === null || weights.length === 0) {
      return [];
    }
    const names = weights.map(({ name }) => (path === "" ? name : `${path}.${name}`));
    const params = { source: this.inspected.source, names };
    return (await this.context.request<WeightsParams, WeightsResult>(methods.weights, params)).tensors;
  }

  private async readSample(node: Node): Promise<Pick<Inside, "layer" | "attention" | "pictures">> {
    const folder = this.inspected?.sample?.folder;
    if (folder === undefined || node.path === null) {
      return { layer: null, attention: [], pictures: {} };
    }
    const { layers, attention } = await this.readReport(folder);
    const layer = layers.find(({ path }) => path === node.path) ?? null;
    const maps = attention.filter(({ path }) => path === node.path);
    const files = [layer?.file ?? null, ...maps.map(({ file }) => file)].filter((file) => file !== null);
    const pictures = await Promise.all(files.map(async (file) => [file, await readPicture(folder, file)] as const));
    return { layer, attention: maps, pictures: Object.fromEntries(pictures) };
  }

  private async readReport(folder: string): Promise<ActivationsReport> {
    if (this.report?.folder !== folder) {
      const params = { folder };
      const found = await this.context.request<ActivationsParams, ActivationsResult>(methods.activations, params);
      this.report = { folder, activations: found.report };
    }
    return this.report.activations;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await vscode.workspace.fs.stat(vscode.Uri.file(path))).type === vscode.FileType.Directory;
}

async function readPicture(folder: string, file: string): Promise<string> {
  const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(vscode.Uri.file(folder), file));
  return `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
}

function describeAnswer({ answers, label }: Prediction): string {
  const [first] = answers;
  if (first === undefined) {
    return "";
  }
  const { name, probability, value } = first;
  const said =
    probability === null ? `${name}: ${value.toPrecision(3)}` : `${name} (${(100 * probability).toFixed(1)} %)`;
  return label === null || label === name ? said : vscode.l10n.t("{0}, where {1} is right", said, label);
}
