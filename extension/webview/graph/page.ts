/** The page around the drawing: the way down to this level, its tools, words in place of a graph, the card. */

import type { Crumb, GraphDiff } from "../../src/protocol";
import { element, format } from "../shared/dom";
import { Card, type CardActions } from "./card";
import { Legend } from "./legend";
import type { Inspected, Placeholder, ShownLevel, Strings } from "./messages";
import { Toolbar, type ToolbarActions } from "./toolbar";
import { Tree, type TreeActions } from "./tree";
import { clip } from "./words";

export interface PageActions extends CardActions, TreeActions, ToolbarActions {
  open(path: string): void;
  zoom(factor: number): void;
  goToStep(step: number | null): void;
  showChanges(): void;
  endCompare(): void;
  act(command: string): void;
}

export class Page {
  readonly card: Card;
  readonly tree: Tree;
  readonly toolbar: Toolbar;
  /** Where Netron draws. */
  readonly target: HTMLElement;
  private readonly bar = element("header");
  private readonly legend: Legend;
  private readonly base = element("div", { className: "base" });
  private readonly inspected = element("div", { className: "base" });
  private readonly strip: HTMLElement;
  private readonly words = element("div", { className: "placeholder", attributes: { role: "status" } });
  private readonly spoken = element("div", { className: "spoken", attributes: { "aria-live": "polite" } });
  private readonly zoom: HTMLElement;

  constructor(
    root: HTMLElement,
    private readonly strings: Strings,
    private readonly actions: PageActions,
  ) {
    this.card = new Card(strings, actions);
    this.tree = new Tree(strings, actions);
    this.toolbar = new Toolbar(strings, actions);
    this.legend = new Legend(strings, (step) => actions.goToStep(step));
    const rows = [this.legend.root, this.inspected, this.base];
    this.strip = element("div", { className: "strip", hidden: true }, ...rows);
    this.target = element("div", { id: "target", tabIndex: 0, attributes: { role: "group" } });
    this.target.setAttribute("aria-label", strings.graph);
    this.zoom = element(
      "div",
      { className: "zoom" },
      this.iconButton("−", strings.zoomOut, () => actions.zoom(1 / 1.2)),
      this.iconButton("+", strings.zoomIn, () => actions.zoom(1.2)),
    );
    const credit = element("small", { className: "credit", textContent: strings.credit });
    // Netron insists on the elements of its sidebar, which is never opened.
    const sidebar = element("div", { id: "sidebar", hidden: true });
    const stage = element(
      "div",
      { className: "stage" },
      this.target,
      this.tree.root,
      this.words,
      credit,
      this.zoom,
      this.card.root,
    );
    root.replaceChildren(this.bar, this.toolbar.root, this.strip, stage, sidebar, this.spoken);
    this.toolbar.root.hidden = true;
  }

  showLevel(shown: ShownLevel, tree: boolean): void {
    const { breadcrumbs, stale, overlay } = shown;
    const children: Node[] = [this.way(breadcrumbs)];
    const above = breadcrumbs.at(-2);
    if (above !== undefined) {
      children.unshift(this.iconButton("↑", this.strings.up, () => this.actions.open(above.path)));
    }
    if (stale) {
      const { stale: title } = this.strings;
      const attributes = { role: "img", "aria-label": title };
      children.push(element("span", { className: "stale", title, textContent: "●", attributes }));
    }
    this.bar.replaceChildren(...children);
    this.toolbar.root.hidden = false;
    this.toolbar.show(overlay?.name ?? null, tree);
    this.showStrip(shown);
    this.showDrawing(tree);
  }

  /** Says that a model file is being read. */
  announceFile(name: string): void {
    this.bar.replaceChildren(element("span", { className: "crumb file" }, element("bdi", { textContent: clip(name) })));
    this.showPlaceholder({ text: this.strings.drawing, busy: true });
  }

  showFile(): void {
    this.showDrawing(false);
    this.fitCard();
  }

  showPlaceholder({ text, busy, action }: Placeholder): void {
    const children: HTMLElement[] = [element("p", { textContent: text })];
    if (busy) {
      children.unshift(element("div", { className: "progress" }));
    }
    if (action !== undefined) {
      const { command, title } = action;
      children.push(element("button", { textContent: title, onclick: () => this.actions.act(command) }));
    }
    this.words.replaceChildren(...children);
    this.words.hidden = false;
    this.target.classList.add("empty");
    this.tree.root.hidden = true;
    this.zoom.hidden = true;
    this.toolbar.root.hidden = true;
    this.strip.hidden = true;
    this.card.hide();
  }

  showDiff(diff: GraphDiff): void {
    this.card.showDiff(diff);
    this.fitCard();
  }

  /** For those who do not see what is lit. */
  say(words: string): void {
    this.spoken.textContent = clip(words);
  }

  /** Room below the graph, so that its last nodes can be scrolled out from under the card. */
  fitCard(): number {
    const height = this.card.root.hidden ? 0 : this.card.root.offsetHeight;
    this.target.style.paddingBottom = `${height}px`;
    this.tree.root.style.paddingBottom = `${height}px`;
    this.zoom.style.bottom = `${height + 8}px`;
    return height;
  }

  private way(crumbs: readonly Crumb[]): HTMLElement {
    const way = element("nav", { className: "crumbs" });
    for (const [index, { path, name }] of crumbs.entries()) {
      const isLast = index === crumbs.length - 1;
      const text = element("bdi", { textContent: clip(name) });
      way.append(
        isLast
          ? element("span", { className: "crumb", attributes: { "aria-current": "location" } }, text)
          : element("button", { className: "crumb", onclick: () => this.actions.open(path) }, text),
      );
    }
    return way;
  }

  private showStrip({ overlay, base, inspected }: ShownLevel): void {
    const { comparedWith, showChanges, endCompare, endInspect, inspectedRun } = this.strings;
    const { actions } = this;
    this.legend.show(overlay);
    this.target.classList.toggle("by-overlay", overlay !== null);
    const changes = element("button", { className: "link", textContent: showChanges });
    changes.addEventListener("click", () => actions.showChanges());
    const compared = base === null ? "" : format(comparedWith, base);
    this.fillRow(
      this.base,
      compared,
      changes,
      this.iconButton("×", endCompare, () => actions.endCompare()),
    );
    const learned = inspected === null ? "" : describeInspected(inspected, inspectedRun);
    this.fillRow(
      this.inspected,
      learned,
      this.iconButton("×", endInspect, () => actions.inspect("nothing")),
    );
    this.strip.hidden = overlay === null && base === null && inspected === null;
  }

  private fillRow(row: HTMLElement, words: string, ...controls: HTMLElement[]): void {
    row.replaceChildren(element("span", {}, element("bdi", { textContent: clip(words) })), ...controls);
    row.hidden = words === "";
  }

  private showDrawing(tree: boolean): void {
    this.words.hidden = true;
    this.zoom.hidden = tree;
    this.tree.root.hidden = !tree;
    this.target.classList.toggle("empty", tree);
  }

  private iconButton(text: string, title: string, onclick: () => void): HTMLElement {
    return element("button", { className: "icon", textContent: text, title, onclick, ariaLabel: title });
  }
}

function describeInspected({ label, isRun, sample }: Inspected, words: string): string {
  return [isRun ? format(words, label) : label, sample?.words].filter(Boolean).join(" · ");
}
