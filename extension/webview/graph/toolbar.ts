/** What is done with the whole graph: find a node in it, colour it, read it as a tree, save it. */

import type { Hit } from "../../src/protocol";
import { element, format } from "../shared/dom";
import { INSPECTED_THINGS, type InspectedThing, SAVED_FORMATS, type SavedFormat, type Strings } from "./messages";
import { clip } from "./words";

const TYPING_SETTLES_MS = 150;

export interface ToolbarActions {
  find(query: string): void;
  goTo(id: string): void;
  colourBy(overlay: string | null): void;
  inspect(what: InspectedThing): void;
  showTree(shown: boolean): void;
  save(format: SavedFormat): void;
  leaveFind(): void;
}

export class Toolbar {
  readonly root = element("div", { className: "toolbar" });
  readonly results: HTMLElement;
  private readonly input: HTMLInputElement;
  private readonly overlays: HTMLSelectElement;
  private readonly treeButton: HTMLElement;
  private hits: readonly Hit[] = [];
  private chosen = 0;
  private typing: number | undefined;

  constructor(
    private readonly strings: Strings,
    private readonly actions: ToolbarActions,
  ) {
    this.results = element("div", { id: "hits", className: "hits", hidden: true, attributes: { role: "listbox" } });
    this.results.setAttribute("aria-label", strings.find);
    this.input = element("input", {
      type: "search",
      className: "find",
      placeholder: strings.findShort,
      title: strings.find,
    });
    const combobox = {
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": "hits",
      "aria-label": strings.find,
    };
    for (const [name, value] of Object.entries(combobox)) {
      this.input.setAttribute(name, value);
    }
    this.input.addEventListener("input", () => this.onInput());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.overlays = this.select(strings.colourBy, strings.noColours, strings.overlays, (name) =>
      actions.colourBy(name === "" ? null : name),
    );
    const ofRun = Object.entries(strings.runOverlays).map(([value, textContent]) =>
      element("option", { value, textContent }),
    );
    if (ofRun.length > 0) {
      this.overlays.append(element("optgroup", { label: strings.ofRun }, ...ofRun));
    }
    const inside = this.select(strings.lookInside, strings.lookInsideShort, strings.inspect, (chosen) => {
      inside.value = "";
      const wanted = INSPECTED_THINGS.find((each) => each === chosen);
      if (wanted !== undefined) {
        actions.inspect(wanted);
      }
    });
    inside.hidden = Object.keys(strings.inspect).length === 0;
    const save = this.select(strings.save, strings.saveShort, strings.formats, (chosen) => {
      save.value = "";
      const wanted = SAVED_FORMATS.find((each) => each === chosen);
      if (wanted !== undefined) {
        actions.save(wanted);
      }
    });
    this.treeButton = element("button", {
      className: "icon tree-button",
      textContent: "☰",
      title: strings.tree,
      ariaLabel: strings.tree,
      onclick: () => actions.showTree(this.treeButton.getAttribute("aria-pressed") !== "true"),
      attributes: { "aria-pressed": "false" },
    });
    this.root.append(this.input, this.overlays, inside, save, this.treeButton, this.results);
  }

  focusFind(): void {
    this.input.focus();
    this.input.select();
  }

  /** Another model: what was sought in the one before is over. */
  forget(): void {
    window.clearTimeout(this.typing);
    this.input.value = "";
    this.openResults(false);
  }

  /** What the graph is coloured by, and whether it is shown as a tree. */
  show(overlay: string | null, tree: boolean): void {
    this.overlays.value = overlay ?? "";
    this.treeButton.setAttribute("aria-pressed", String(tree));
  }

  showHits(query: string, hits: readonly Hit[]): void {
    if (query !== this.input.value) {
      return;
    }
    this.hits = hits;
    this.chosen = 0;
    const options = hits.map((hit, index) => {
      const words = [hit.name, hit.type, hit.detail]
        .map(clip)
        .filter((word, at, all) => word !== "" && all.indexOf(word) === at);
      const parts = words.map((textContent, at) =>
        element("bdi", { className: at === 0 ? "name" : "type", textContent }),
      );
      const option = element("div", { id: `hit-${index}`, attributes: { role: "option" } }, ...parts);
      option.addEventListener("pointerdown", (event) => event.preventDefault());
      option.addEventListener("click", () => this.choose(index));
      return option;
    });
    const none = element("div", {
      className: "none",
      textContent: this.strings.noHits,
      attributes: { role: "option", "aria-disabled": "true" },
    });
    this.results.replaceChildren(...(hits.length > 0 ? options : [none]));
    this.results.title = format(this.strings.hits, hits.length);
    this.openResults(true);
    this.mark();
  }

  private onInput(): void {
    window.clearTimeout(this.typing);
    if (this.input.value.trim() === "") {
      this.openResults(false);
      return;
    }
    this.typing = window.setTimeout(() => this.actions.find(this.input.value), TYPING_SETTLES_MS);
  }

  private onKey(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.chosen = Math.min(Math.max(this.chosen + step, 0), this.hits.length - 1);
      this.mark();
      event.preventDefault();
    } else if (event.key === "Enter" && !this.results.hidden) {
      this.choose(this.chosen);
    } else if (event.key === "Escape") {
      this.openResults(false);
      this.actions.leaveFind();
    }
  }

  private choose(index: number): void {
    const hit = this.hits[index];
    if (hit !== undefined) {
      this.openResults(false);
      this.actions.goTo(hit.id);
    }
  }

  private openResults(open: boolean): void {
    this.results.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) {
      this.input.removeAttribute("aria-activedescendant");
    }
  }

  private mark(): void {
    for (const [index, option] of [...this.results.children].entries()) {
      const isChosen = index === this.chosen && this.hits.length > 0;
      option.setAttribute("aria-selected", String(isChosen));
      if (isChosen) {
        this.input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      }
    }
  }

  private select(
    label: string,
    none: string,
    options: Record<string, string>,
    choose: (name: string) => void,
  ): HTMLSelectElement {
    const made = element("select", { title: label, ariaLabel: label });
    made.append(element("option", { value: "", textContent: none }));
    for (const [value, textContent] of Object.entries(options)) {
      made.append(element("option", { value, textContent }));
    }
    made.addEventListener("change", () => choose(made.value));
    return made;
  }
}
