/** What the colours mean, and of a run, at which of its sampled steps. */

import type { Overlay } from "../../src/protocol";
import { element, format } from "../shared/dom";
import type { Strings } from "./messages";
import { legend, SCALE } from "./palette";

const MOVING_SETTLES_MS = 60;

export class Legend {
  readonly root: HTMLElement;
  private readonly keys = element("div", { className: "keys" });
  /** Stays what it is while the colours change: it may be under a hand. */
  private readonly slider: HTMLInputElement;
  private readonly note = element("span", { className: "note" });
  private steps: readonly number[] = [];
  private moving: number | undefined;

  constructor(
    private readonly strings: Strings,
    private readonly goToStep: (step: number | null) => void,
  ) {
    this.slider = element("input", { type: "range", className: "steps", min: "0", title: strings.step });
    this.slider.setAttribute("aria-label", strings.step);
    this.slider.addEventListener("input", () => this.onMove());
    this.root = element("div", { className: "legend", hidden: true }, this.keys, this.slider, this.note);
  }

  show(overlay: Overlay | null): void {
    this.root.hidden = overlay === null;
    if (overlay === null) {
      return;
    }
    const { overlays, runOverlays, atSizes } = this.strings;
    const names: Record<string, string> = { ...overlays, ...runOverlays };
    const name = names[overlay.name] ?? overlay.name;
    this.keys.replaceChildren(element("b", { textContent: name }), ...keysOf(overlay));
    this.steps = overlay.steps;
    this.slider.hidden = overlay.steps.length < 2;
    if (overlay.step === null) {
      this.note.textContent = overlay.message || (overlay.note === "" ? "" : format(atSizes, overlay.note));
    } else if (this.moving === undefined) {
      this.slider.max = String(overlay.steps.length - 1);
      this.slider.value = String(overlay.steps.indexOf(overlay.step));
      this.sayStep(overlay.step, overlay.message);
    }
  }

  private onMove(): void {
    const at = Number(this.slider.value);
    const step = this.steps[at];
    if (step === undefined) {
      return;
    }
    this.sayStep(step);
    window.clearTimeout(this.moving);
    this.moving = window.setTimeout(() => {
      this.moving = undefined;
      this.goToStep(at === this.steps.length - 1 ? null : step);
    }, MOVING_SETTLES_MS);
  }

  private sayStep(step: number, message = ""): void {
    const words = [format(this.strings.atStep, step), message].filter(Boolean).join(" · ");
    this.note.textContent = words;
    this.slider.setAttribute("aria-valuetext", words);
  }
}

/** Swatches with words; of amounts the two ends, and the scale between them. */
function keysOf(overlay: Overlay): HTMLElement[] {
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
  return keys;
}
