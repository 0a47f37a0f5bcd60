/** What there is inside of a node: the distributions of its weights, their values, and what a sample does in it. */

import type {
  AttentionMaps,
  Histogram,
  LayerActivations,
  Node,
  Statistics,
  TensorReport,
  TensorValues,
} from "../../src/protocol";
import { element, format } from "../shared/dom";
import type { Inside, Strings } from "./messages";
import { clip, formatAmount } from "./words";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 36;

export class InsideView {
  readonly root = element("div", { className: "inside", hidden: true, attributes: { "aria-live": "polite" } });

  constructor(
    private readonly strings: Strings,
    private readonly askValues: (name: string, start: number) => void,
  ) {}

  hide(): void {
    this.root.hidden = true;
  }

  /** What is asked for takes a moment. */
  wait(): void {
    this.root.replaceChildren(element("p", { className: "faint", textContent: this.strings.lookingInside }));
    this.root.hidden = false;
  }

  show(node: Node, { tensors, layer, attention, pictures, failure }: Inside): void {
    const { strings } = this;
    const parts: HTMLElement[] = [];
    if (node.repeats > 1 && (tensors.length > 0 || layer !== null)) {
      parts.push(element("p", { className: "faint", textContent: format(strings.firstBlock, node.repeats) }));
    }
    if (layer !== null) {
      parts.push(this.layer(layer, pictures));
    }
    parts.push(...attention.map((maps) => this.attention(maps, pictures)));
    parts.push(...tensors.map((tensor) => this.tensor(tensor)));
    if (failure !== null) {
      parts.push(element("p", { className: "faint", textContent: clip(failure) }));
    }
    this.root.replaceChildren(...parts);
    this.root.hidden = parts.length === 0;
  }

  /** Values of a tensor, below its distribution. */
  showValues({ name, dims, start, values }: TensorValues): void {
    const { strings } = this;
    const place = this.root.querySelector<HTMLElement>(`[data-tensor="${CSS.escape(name)}"] .values`);
    if (place === null) {
      return;
    }
    const shown = values.map((value) => (typeof value === "number" ? formatNumber(value) : value)).join("  ");
    const parts: HTMLElement[] = [
      element("div", { className: "faint", textContent: format(strings.values, name, indexOf(start, dims)) }),
      element("code", { textContent: shown }),
    ];
    const next = start + values.length;
    if (next < dims.reduce((product, size) => product * size, 1)) {
      parts.push(this.button(strings.moreValues, () => this.askValues(name, next)));
    }
    place.replaceChildren(...parts);
  }

  private tensor({ name, statistics }: TensorReport): HTMLElement {
    const heading = element("h3", {}, element("bdi", { textContent: clip(name) }));
    const show = this.button(this.strings.showValues, () => this.askValues(name, 0));
    const values = element("div", { className: "values" }, show);
    const attributes = { "data-tensor": name };
    const section = element("section", { attributes }, heading, this.distribution(name, statistics), values);
    return section;
  }

  private layer(layer: LayerActivations, pictures: Inside["pictures"]): HTMLElement {
    const { strings } = this;
    const section = element("section", {}, element("h3", { textContent: strings.activationMaps }));
    section.append(this.distribution(strings.activationMaps, layer.statistics));
    if (layer.dead > 0) {
      const words = format(strings.deadUnits, layer.dead, layer.units, layer.rows);
      section.append(element("p", { className: "fault", textContent: words }));
    }
    const picture = layer.file === null ? undefined : pictures[layer.file];
    if (picture !== undefined && layer.tile !== null) {
      const { shown, maps } = layer;
      if (shown.length < maps) {
        const words = format(strings.mapsShown, shown.length, maps);
        section.append(element("p", { className: "faint", textContent: words }));
      }
      const names = shown.map((channel) => format(strings.channel, channel));
      section.append(tiles(picture, layer.tile, maps === 1 ? [layer.path] : names));
    }
    return section;
  }

  private attention({ shown, file, tile }: AttentionMaps, pictures: Inside["pictures"]): HTMLElement {
    const section = element("section", {}, element("h3", { textContent: this.strings.attentionMaps }));
    const picture = pictures[file];
    if (picture !== undefined) {
      const names = Array.from({ length: shown }, (_, head) => format(this.strings.head, head));
      section.append(tiles(picture, tile, names));
    }
    return section;
  }

  private distribution(name: string, statistics: Statistics): HTMLElement {
    const { strings } = this;
    const { elements, mean, std, min, max, l2, zeros, nan, inf, histogram } = statistics;
    const facts = [
      format(strings.elements, formatAmount(elements)),
      ...(mean === null ? [] : [format(strings.mean, formatNumber(mean))]),
      ...(std === null ? [] : [format(strings.deviation, formatNumber(std))]),
      ...(min === null || max === null ? [] : [format(strings.range, formatNumber(min), formatNumber(max))]),
      ...(l2 === null ? [] : [format(strings.norm, formatNumber(l2))]),
      ...(zeros === 0 ? [] : [format(strings.zeros, formatNumber((100 * zeros) / elements))]),
    ].map((textContent) => element("span", { textContent }));
    if (nan + inf > 0) {
      facts.push(element("span", { className: "fault", textContent: format(strings.notFinite, nan, inf) }));
    }
    const drawing = histogram === null ? [] : [drawHistogram(format(strings.distribution, name), histogram)];
    return element("div", { className: "distribution" }, ...drawing, element("div", { className: "facts" }, ...facts));
  }

  private button(textContent: string, onclick: () => void): HTMLElement {
    return element("button", { className: "link", textContent, onclick });
  }
}

/** Bars as high as their counts, and the line of zero where it lies within. */
function drawHistogram(title: string, { low, high, counts }: Histogram): SVGElement {
  const most = Math.max(1, ...counts);
  const drawing = draw("svg", {
    ...{ viewBox: `0 0 ${counts.length} ${HEIGHT}`, preserveAspectRatio: "none" },
    ...{ class: "histogram", role: "img", "aria-label": title },
  });
  drawing.append(
    ...counts.map((count, at) => {
      const height = count === 0 ? 0 : Math.max(1, (HEIGHT * count) / most);
      return draw("rect", { x: at, y: HEIGHT - height, width: 0.9, height });
    }),
  );
  if (low < 0 && high > 0) {
    const at = (-low / (high - low)) * counts.length;
    drawing.append(draw("line", { x1: at, x2: at, y1: 0, y2: HEIGHT }));
  }
  return drawing;
}

function draw(tag: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, String(value));
  }
  return made;
}

/** Each tile of a picture as a button that makes it large, and small again. */
function tiles(picture: string, size: readonly number[], names: readonly string[]): HTMLElement {
  const [height = 1, width = 1] = size;
  const buttons = names.map((name) => {
    const canvas = element("canvas", { width, height });
    const button = element("button", { className: "tile", title: name, ariaLabel: name }, canvas);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const isLarge = button.classList.toggle("large");
      button.setAttribute("aria-pressed", String(isLarge));
    });
    return { button, canvas };
  });
  const whole = new Image();
  whole.addEventListener("load", () => {
    const columns = Math.max(1, Math.round((whole.naturalWidth + 1) / (width + 1)));
    for (const [at, { canvas }] of buttons.entries()) {
      const [left, top] = [(at % columns) * (width + 1), Math.floor(at / columns) * (height + 1)];
      canvas.getContext("2d")?.drawImage(whole, left, top, width, height, 0, 0, width, height);
    }
  });
  whole.src = picture;
  return element("div", { className: "tiles" }, ...buttons.map(({ button }) => button));
}

function formatNumber(value: number): string {
  return value === 0 ? "0" : Number(value.toPrecision(3)).toString();
}

/** Where an element lies: `[1, 0, 2]`. */
function indexOf(start: number, dims: readonly number[]): string {
  const index: number[] = [];
  let rest = start;
  for (const size of [...dims].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${index.join(", ")}]`;
}
