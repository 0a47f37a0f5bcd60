/** The colours of overlays: told apart by people who see fewer colours, and each with its words beside it. */

import type { Overlay, Reading } from "../../src/protocol";

/** Cividis, from little to much. */
const AMOUNTS = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"] as const;
/** Okabe and Ito's. */
const CATEGORIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"] as const;

export interface Colours {
  fill: string;
  text: string;
}

export interface Key {
  colours: Colours;
  words: string;
}

/** The colours of each reading, by its node; amounts are told apart by their order of magnitude. */
export function colour(overlay: Overlay): Map<string, Colours> {
  const most = Math.max(0, ...overlay.readings.map(({ amount }) => amount));
  return new Map(overlay.readings.map((reading) => [reading.id, coloursOf(overlay.scale, reading, most)]));
}

/** What the colours mean: amounts at both ends of the scale, or every category there is. */
export function legend(overlay: Overlay): Key[] {
  const most = Math.max(0, ...overlay.readings.map(({ amount }) => amount));
  const sorted = [...overlay.readings].sort((a, b) => a.amount - b.amount);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) {
    return [];
  }
  const shown = overlay.scale === "category" ? new Map(sorted.map((each) => [each.words, each])).values() : [];
  const ends = overlay.scale === "amount" ? (first.amount === last.amount ? [first] : [first, last]) : shown;
  return [...ends].map((reading) => ({ colours: coloursOf(overlay.scale, reading, most), words: reading.words }));
}

/** The whole scale, for a bar between its ends. */
export const SCALE: readonly string[] = AMOUNTS;

function coloursOf(scale: Overlay["scale"], { amount }: Reading, most: number): Colours {
  const fill =
    scale === "category" ? (CATEGORIES[amount % CATEGORIES.length] as string) : (AMOUNTS[step(amount, most)] as string);
  return { fill, text: isLight(fill) ? "#000000" : "#ffffff" };
}

/** Half as much is a step down, so that what is small is still told from nothing. */
function step(amount: number, most: number): number {
  const last = AMOUNTS.length - 1;
  return most <= 0 || amount <= 0 ? 0 : Math.max(0, Math.round(last + Math.log2(amount / most)));
}

function isLight(fill: string): boolean {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(fill.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}
