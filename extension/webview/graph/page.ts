/** The page around the drawing: the way down to this level, zoom, words in place of a graph, the card. */

import type { Crumb } from "../../src/protocol";
import { element } from "../shared/dom";
import { Card, type CardActions } from "./card";
import type { Placeholder, Strings } from "./messages";

export interface PageActions extends CardActions {
  zoom(factor: number): void;
  closeFile(): void;
  act(command: string): void;
}

export class Page {
  readonly card: Card;
  /** Where Netron draws. */
  readonly target = element("div", { id: "target", tabIndex: 0, attributes: { role: "figure" } });
  private readonly bar = element("header");
  private readonly words = element("div", { className: "placeholder", attributes: { role: "status" } });
  private readonly zoom: HTMLElement;

  constructor(
    root: HTMLElement,
    private readonly strings: Strings,
    private readonly actions: PageActions,
  ) {
    this.card = new Card(strings, actions);
    this.zoom = element(
      "div",
      { className: "zoom" },
      this.iconButton("−", strings.zoomOut, () => actions.zoom(1 / 1.2)),
      this.iconButton("+", strings.zoomIn, () => actions.zoom(1.2)),
    );
    const credit = element("small", { className: "credit", textContent: strings.credit });
    // Netron insists on the elements of its sidebar, which is never opened.
    const sidebar = element("div", { id: "sidebar", hidden: true });
    const stage = element("div", { className: "stage" }, this.target, this.words, credit, this.zoom, this.card.root);
    root.replaceChildren(this.bar, stage, sidebar);
  }

  showLevel(crumbs: readonly Crumb[], stale: boolean): void {
    const way = element("nav", { className: "crumbs" });
    for (const [index, { path, name }] of crumbs.entries()) {
      const isLast = index === crumbs.length - 1;
      const text = element("bdi", { textContent: name });
      way.append(
        isLast
          ? element("span", { className: "crumb", attributes: { "aria-current": "location" } }, text)
          : element("button", { className: "crumb", onclick: () => this.actions.open(path) }, text),
      );
    }
    const children: Node[] = [way];
    const above = crumbs.at(-2);
    if (above !== undefined) {
      children.unshift(this.iconButton("↑", this.strings.up, () => this.actions.open(above.path)));
    }
    if (stale) {
      children.push(element("span", { className: "stale", title: this.strings.stale, textContent: "●" }));
    }
    this.bar.replaceChildren(...children);
    this.showDrawing();
  }

  showFile(name: string): void {
    const back = element("button", {
      className: "link",
      textContent: this.strings.back,
      onclick: () => this.actions.closeFile(),
    });
    this.bar.replaceChildren(element("span", { className: "crumb file" }, element("bdi", { textContent: name })), back);
    this.showDrawing();
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
    this.zoom.hidden = true;
    this.card.hide();
  }

  /** Room below the graph, so that its last nodes can be scrolled out from under the card. */
  fitCard(): void {
    this.target.style.paddingBottom = `${this.card.height}px`;
    this.zoom.style.bottom = `${this.card.height + 8}px`;
  }

  private showDrawing(): void {
    this.words.hidden = true;
    this.zoom.hidden = false;
    this.target.classList.remove("empty");
  }

  private iconButton(text: string, title: string, onclick: () => void): HTMLElement {
    return element("button", { className: "icon", textContent: text, title, onclick, ariaLabel: title });
  }
}
