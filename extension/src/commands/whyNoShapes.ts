/**
 * Why No Shapes Here?: what was tried, what failed and what to do, as a page beside the code, with links.
 * It is shown as text: a preview would fetch an image that a name in somebody's code asks for.
 */

import { basename } from "node:path";
import * as vscode from "vscode";
import type { Context } from "../context";
import { execute, resolveModel, resolveUri } from "./target";

const SCHEME = "pymodel-why";
const pages = new Map<string, Page>();

interface WhyResult {
  status: "complete" | "partial" | "failed";
  construction: { expression: string } | null;
  inputs: readonly { name: string; expression: string }[];
  attempts: readonly string[];
  diagnostics: readonly { message: string; path: string; start: { line: number } }[];
  interpreter: string | null;
  steps: readonly Step[];
}

/** What to do next: a command that does it, or the place to look at. */
interface Step {
  words: string;
  command: string | null;
  path: string | null;
  line: number | null;
}

/** Lines of text; a line may be a link as a whole, or from its first character to where its place ends. */
type Line = string | { text: string; link: vscode.Uri; length?: number };

class Page {
  text = "";
  readonly links: vscode.DocumentLink[] = [];
  private lines = 0;

  /** A heading with a list below it; nothing where the list is empty. */
  add(title: string, items: readonly Line[]): void {
    if (items.length > 0) {
      this.write(`\n## ${title}\n\n`);
    }
    for (const item of items) {
      const { text, link, length } = typeof item === "string" ? { text: item } : { length: item.text.length, ...item };
      if (link !== undefined) {
        const start = new vscode.Position(this.lines, 2);
        this.links.push(new vscode.DocumentLink(new vscode.Range(start, start.translate(0, length)), link));
      }
      this.write(`- ${text.replaceAll("\n", "\n  ")}\n`);
    }
  }

  write(text: string): void {
    this.text += text;
    this.lines += text.split("\n").length - 1;
  }
}

/** Serves the pages that `whyNoShapes` writes, and their links. */
export function registerExplanations(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => pages.get(uri.toString())?.text ?? "",
    }),
    vscode.languages.registerDocumentLinkProvider(
      { scheme: SCHEME },
      { provideDocumentLinks: ({ uri }) => pages.get(uri.toString())?.links ?? [] },
    ),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => pages.delete(uri.toString())),
  );
}

export async function whyNoShapes(context: Context, where: unknown, target: unknown): Promise<void> {
  const uri = resolveUri(where);
  const model = await resolveModel(context, uri, target);
  if (model === undefined) {
    return;
  }
  const why = await execute<WhyResult>(context, "pymodel.why", { uri: uri.toString(), target: model.target });
  const page = vscode.Uri.from({ scheme: SCHEME, path: `/${model.name}.md`, query: String(Date.now()) });
  pages.set(page.toString(), describeWhy(model.name, why, [uri.toString(), model.target]));
  await vscode.window.showTextDocument(page, { viewColumn: vscode.ViewColumn.Beside, preview: true });
}

function describeWhy(name: string, why: WhyResult, about: readonly string[]): Page {
  const headlines = {
    complete: vscode.l10n.t("{0}: every shape is known", name),
    partial: vscode.l10n.t("{0}: the shapes are known in part", name),
    failed: vscode.l10n.t("{0}: no shapes are known", name),
  };
  const found = [
    ...(why.construction ? [vscode.l10n.t("Made by {0}", code(why.construction.expression))] : []),
    ...why.inputs.map((input) => vscode.l10n.t("Fed with {0}", code(`${input.name} = ${input.expression}`))),
    ...(why.interpreter ? [vscode.l10n.t("Run on {0}", code(why.interpreter))] : []),
  ];
  const page = new Page();
  page.write(`# ${headlines[why.status]}\n`);
  page.add(vscode.l10n.t("What you can do"), [
    ...why.steps.map((step) => describeStep(step, about)),
    link(vscode.l10n.t("Read the log."), "pymodel.showLogs"),
    link(vscode.l10n.t("Report a bug: a bundle without a word of your code is made for it."), "pymodel.reportBug"),
  ]);
  page.add(vscode.l10n.t("What was found"), found);
  page.add(
    vscode.l10n.t("What went wrong"),
    why.diagnostics.map(({ message, path, start }) => at(path, start.line, message)),
  );
  page.add(vscode.l10n.t("What was tried"), why.attempts);
  return page;
}

function describeStep({ words, command, path, line }: Step, about: readonly string[]): Line {
  if (command !== null) {
    return link(words, command, about);
  }
  return path === null || line === null ? words : at(path, line, words);
}

function link(text: string, command: string, given: readonly string[] = []): Line {
  const query = encodeURIComponent(JSON.stringify(given));
  return { text, link: vscode.Uri.parse(`command:${command}?${query}`, true) };
}

/** Words behind their place, which is a link. */
function at(path: string, line: number, words: string): Line {
  const place = `${basename(path)}:${line}`;
  return {
    text: `${place} ${words}`,
    link: uriOf(path).with({ fragment: `L${line}` }),
    length: place.length,
  };
}

function uriOf(path: string): vscode.Uri {
  return path.startsWith("untitled:") ? vscode.Uri.parse(path, true) : vscode.Uri.file(path);
}

function code(text: string): string {
  return `\`${text}\``;
}
