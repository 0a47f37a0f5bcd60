/** How long ago something was, in the words of the editor's language. */

import * as vscode from "vscode";

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** `seconds` since 1970, as the run folder has them. */
export function describeAge(seconds: number): string {
  const format = new Intl.RelativeTimeFormat(vscode.env.language, { numeric: "auto", style: "short" });
  const age = Date.now() / 1000 - seconds;
  const [unit, length] = UNITS.find(([, length]) => age >= length) ?? ["second", Number.POSITIVE_INFINITY];
  return format.format(-Math.floor(age / length), unit);
}
