/** The runs page: takes messages, keeps the selected run's series, and redraws once a frame. */

import "uplot/dist/uPlot.min.css";
import "../shared/theme.css";
import "./style.css";
import type { Run } from "../../src/protocol";
import { Charts } from "./charts";
import { type FromPage, isToPage, type ToPage } from "./messages";
import { Page } from "./page";
import { Series } from "./series";

const vscode = acquireVsCodeApi<{ selected: string }>();
const root = document.getElementById("page") as HTMLElement;

let page: Page | undefined;
let charts: Charts | undefined;
let series = new Series();
let shown: { folder: string; run: Run } | undefined;
/** What the shown run is compared with. */
let other: { name: string; series: Series } | undefined;
let drawing = false;

window.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
  if (isToPage(data)) {
    receive(data);
  }
});
// Colours are read when a plot is made: another theme needs other plots.
new MutationObserver(() => {
  charts?.clear();
  draw();
}).observe(document.body, { attributes: true, attributeFilter: ["class", "data-vscode-theme-id"] });
post({ type: "ready", selected: vscode.getState()?.selected ?? null });

function receive(message: ToPage): void {
  switch (message.type) {
    case "strings":
      page = new Page(root, message.strings, post, draw);
      charts = new Charts(page.plots, message.strings.zoom);
      break;
    case "runs":
      if (message.selected !== shown?.folder) {
        forget();
      }
      if (message.selected !== null) {
        vscode.setState({ selected: message.selected });
      }
      page?.showRuns(message.runs, message.selected);
      break;
    case "rows":
      if (message.reset && message.folder !== shown?.folder) {
        forget();
      } else if (message.reset) {
        series = new Series();
      }
      if (message.reset) {
        page?.controls.showThinned(message.thinned);
      }
      series.append(message.rows);
      shown = { folder: message.folder, run: message.run };
      draw();
      break;
    case "advice":
      if (message.folder === shown?.folder) {
        page?.showAdvice(message.advice);
      }
      break;
    case "compared":
      other = { name: new Date(message.run.started * 1000).toLocaleString(), series: new Series() };
      other.series.append(message.rows);
      page?.showComparison(message.comparison);
      draw();
      break;
    case "log":
      if (message.folder === shown?.folder) {
        page?.showLog(message.text);
      }
      break;
    case "unavailable":
      page?.showMessage(message.message);
      break;
  }
}

function forget(): void {
  series = new Series();
  shown = undefined;
  other = undefined;
  page?.controls.reset();
  charts?.clear();
  page?.showValues(series.last, {});
  page?.showAdvice([]);
  page?.showComparison(undefined);
}

function draw(): void {
  if (drawing) {
    return;
  }
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (shown !== undefined && page !== undefined) {
      page.showRun(shown.run);
      page.showValues(series.last, shown.run.metrics.best ?? {});
      const { smooth, log, other: chosen } = page.controls;
      charts?.draw(series, { smooth, log, other: chosen === "" ? undefined : other });
    }
  });
}

function post(message: FromPage): void {
  vscode.postMessage(message);
}
