/** The page around the drawing: the way down to this level, its tools, words in place of a graph, the card. */

import type { Crumb, GraphDiff, Overlay } from "../../src/protocol";
import { element, format } from "../shared/dom";
import { Card, type CardActions } from "./card";
import type { Placeholder, ShownLevel, Strings } from "./messages";
import { legend, SCALE } from "./palette";
import { Toolbar, type ToolbarActions } from "./toolbar";
import { Tree, type TreeActions } from "./tree";
import { clip } from "./words";

export interface PageActions extends CardActions, TreeActions, ToolbarActions {
  open(path: string): void;
  zoom(factor: number): void;
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
  private readonly strip = element("div", { className: "strip", hidden: true });
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

  showLevel({ breadcrumbs, stale, overlay, base }: ShownLevel, tree: boolean): void {
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
    this.showStrip(overlay, base);
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

  private showStrip(overlay: Overlay | null, base: string | null): void {
    const parts: HTMLElement[] = [];
    if (overlay !== null) {
      parts.push(this.legend(overlay));
    }
    if (base !== null) {
      const { comparedWith, showChanges, endCompare } = this.strings;
      const { actions } = this;
      const words = element("span", {}, element("bdi", { textContent: format(comparedWith, base) }));
      const table = element("button", { className: "link", textContent: showChanges });
      table.addEventListener("click", () => actions.showChanges());
      const end = this.iconButton("×", endCompare, () => actions.endCompare());
      parts.push(element("div", { className: "base" }, words, table, end));
    }
    this.strip.replaceChildren(...parts);
    this.strip.hidden = parts.length === 0;
  }

  private legend(overlay: Overlay): HTMLElement {
    const keys = legend(overlay).map(({ colours, words }) => {
      const swatch = element("span", { className: "swatch", attributes: { "aria-hidden": "true" } });
      swatch.style.background = colours.fill;
      return element("span", { className: "key" }, swatch, words);
    });
    if (overlay.scale === "amount" && keys.length === 2) {
      const scale = element("span", { className: "scale", attributes: { "aria-hidden": "true" } });
      for (const fill of SCALE) {
        const step = element("span");
        step.style.background = fill;
        scale.append(step);
      }
      keys.splice(1, 0, scale);
    }
    const name = element("b", { textContent: this.strings.overlays[overlay.name] ?? overlay.name });
    const note = overlay.note === "" ? "" : format(this.strings.atSizes, overlay.note);
    return element("div", { className: "legend" }, name, ...keys, element("span", { className: "note" }, note));
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
