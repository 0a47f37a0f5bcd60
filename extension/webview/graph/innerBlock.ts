/** A level that is opened in place: a part of a node, below its header, in which Netron draws another graph. */

import type { DrawnGraph } from "./adapter";

const PADDING = 10;
const SVG = "http://www.w3.org/2000/svg";

/** What Netron asks of a part of a node. */
export class InnerBlock {
  x = 0;
  y = 0;
  width = 0;
  height = 0;
  first = false;
  last = false;
  private readonly element = document.createElementNS(SVG, "g");
  private readonly origin = document.createElementNS(SVG, "g");
  private readonly frame = document.createElementNS(SVG, "rect");

  /** Netron's name for a graph inside a node: its selection is cleared with the whole. */
  constructor(readonly target: DrawnGraph) {}

  build(page: Document, parent: Element): void {
    this.element.setAttribute("class", "inner-level");
    this.element.append(this.frame, this.origin);
    parent.append(this.element);
    for (const value of this.target.values.values()) {
      value.build();
    }
    this.target.build(page, this.origin);
  }

  async measure(): Promise<void> {
    // Built before it was part of the page, the labels have no size yet. In a drawing that another has taken the place
    // of meanwhile they never have, and what has no size gets no place.
    for (const { label } of this.target.edges.values()) {
      if (label.labelElement) {
        const { width, height } = label.labelElement.getBBox();
        Object.assign(label, { width: Math.max(width, 1), height: Math.max(height, 1) });
      }
    }
    await this.target.measure();
    await this.target.layout();
    this.width = (this.target.width ?? 0) + 2 * PADDING;
    this.height = (this.target.height ?? 0) + 2 * PADDING;
  }

  async layout(): Promise<void> {}

  update(): void {
    const content = (this.target.width ?? 0) + 2 * PADDING;
    const middle = (this.width - content) / 2;
    const [left, top] = [this.target.originX ?? 0, this.target.originY ?? 0];
    this.element.setAttribute("transform", `translate(0,${this.y})`);
    this.origin.setAttribute("transform", `translate(${middle + PADDING - left},${PADDING - top})`);
    for (const [name, value] of Object.entries({ x: 1, y: 0, width: this.width - 2, height: this.height - 1, rx: 4 })) {
      this.frame.setAttribute(name, String(Math.max(value, 0)));
    }
    this.target.update();
  }
}
