/**
 * Set Example Input… and Set Constructor Arguments…: the candidates that PyModel has tried, each with where it was
 * found; or what is typed. The choice becomes the model's pin, the comment `# pymodel: …` on its definition's line.
 */

import { basename } from "node:path";
import * as vscode from "vscode";
import type { Context } from "../context";
import { execute, resolveModel, resolveUri } from "./target";

type Part = "inputs" | "construction";

interface Candidate {
  kind: Part;
  pin: string;
  source: { kind: string; path: string | null; line: number | null };
  /** Why it does not run; empty if it does. */
  words: string;
}

interface Candidates {
  /** The comment that stands there now. */
  pin: string | null;
  candidates: readonly Candidate[];
}

interface Choice extends vscode.QuickPickItem {
  /** What becomes the pin; empty: PyModel finds it by itself. */
  pin?: string;
}

export async function setPin(context: Context, part: Part, where: unknown, target: unknown): Promise<void> {
  const uri = resolveUri(where);
  const model = await resolveModel(context, uri, target);
  if (model === undefined) {
    return;
  }
  const about = { uri: uri.toString(), target: model.target };
  const pin = await choosePin(model.name, part, execute<Candidates>(context, "pymodel.candidates", about));
  if (pin !== undefined) {
    await execute(context, "pymodel.pin", { ...about, part, pin });
  }
}

function choosePin(name: string, part: Part, found: Promise<Candidates>): Promise<string | undefined> {
  const picker = vscode.window.createQuickPick<Choice>();
  picker.title =
    part === "inputs"
      ? vscode.l10n.t("Example input of {0}", name)
      : vscode.l10n.t("Constructor arguments of {0}", name);
  picker.placeholder =
    part === "inputs"
      ? vscode.l10n.t("Choose one, or type: x=(B, 3, 32, 32):float32, mask=None")
      : vscode.l10n.t("Choose one, or type: {0}(width=64)", name);
  picker.ignoreFocusOut = true;
  picker.matchOnDescription = true;
  picker.busy = true;
  let offered: Choice[] = [];
  const show = () => {
    const typed = picker.value.trim();
    const known = typed === "" || offered.some(({ pin }) => pin === typed);
    const own: Choice = { label: typed, description: vscode.l10n.t("as typed"), pin: typed, alwaysShow: true };
    picker.items = known ? offered : [own, ...offered];
  };
  return new Promise((resolve, reject) => {
    found.then((candidates) => {
      offered = choices(part, candidates);
      picker.busy = false;
      show();
    }, reject);
    picker.onDidChangeValue(show);
    picker.onDidAccept(() => {
      resolve(picker.activeItems[0]?.pin ?? (picker.value.trim() || undefined));
      picker.hide();
    });
    picker.onDidHide(() => {
      resolve(undefined);
      picker.dispose();
    });
    found.catch(() => picker.hide());
    picker.show();
  });
}

function choices(part: Part, { pin, candidates }: Candidates): Choice[] {
  const own = candidates.filter(({ kind }) => kind === part);
  const [used, ...others] = own;
  const running = others.filter(({ words }) => words === "");
  const failing = others.filter(({ words }) => words !== "");
  return [
    ...group(vscode.l10n.t("in use"), used ? [used] : []),
    ...group(vscode.l10n.t("runs as well"), running),
    ...group(vscode.l10n.t("does not run"), failing),
    ...(pin === null
      ? []
      : [
          { label: "", kind: vscode.QuickPickItemKind.Separator },
          {
            label: vscode.l10n.t("Find it anew"),
            description: vscode.l10n.t("takes the pin away"),
            iconPath: new vscode.ThemeIcon("search"),
            pin: "",
          },
        ]),
  ];
}

function group(title: string, candidates: readonly Candidate[]): Choice[] {
  if (candidates.length === 0) {
    return [];
  }
  const items = candidates.map(({ pin, source, words }) => ({
    label: pin,
    description: describeSource(source),
    ...(words === "" ? {} : { detail: `$(warning) ${words}` }),
    pin,
  }));
  return [{ label: title, kind: vscode.QuickPickItemKind.Separator }, ...items];
}

function describeSource({ kind, path, line }: Candidate["source"]): string {
  const sources: Record<string, string> = {
    pin: vscode.l10n.t("pinned"),
    annotation: vscode.l10n.t("from its annotation"),
    attribute: vscode.l10n.t("from the model itself"),
    "call-site": vscode.l10n.t("as it is called"),
    dataset: vscode.l10n.t("from its data set"),
    config: vscode.l10n.t("from its configuration"),
    default: vscode.l10n.t("by its defaults"),
    parent: vscode.l10n.t("as its parent gives it"),
    search: vscode.l10n.t("found by trying"),
  };
  const place = path && line ? ` · ${basename(path)}:${line}` : "";
  return `${sources[kind] ?? kind}${place}`;
}
