import assert from "node:assert/strict";
import { test } from "node:test";
import { assignStyles, formatSeconds, formatValue, groupByQuantity, Series, smooth } from "../webview/runs/series";

const row = (step: number, values: Record<string, number | string>) => ({ step, time: 0, epoch: 0, values });

test("columns are as long as the steps, whenever a metric appears first", () => {
  const series = new Series();
  series.append([row(1, { "train/loss": 2 }), row(2, { "train/loss": 1 })]);
  series.append([row(3, { "validation/loss": 1.5 })]);
  assert.deepEqual(series.steps, [1, 2, 3]);
  assert.deepEqual(series.columns.get("train/loss"), [2, 1, null]);
  assert.deepEqual(series.columns.get("validation/loss"), [null, null, 1.5]);
});

test("rows of one step are one point", () => {
  const series = new Series();
  series.append([row(5, { "train/loss": 2 }), row(5, { "validation/loss": 3 })]);
  assert.deepEqual(series.steps, [5]);
  assert.deepEqual(series.columns.get("validation/loss"), [3]);
});

test("what is not finite is a gap in the plot and a word in the table", () => {
  const series = new Series();
  series.append([row(1, { "train/loss": "nan" })]);
  assert.deepEqual(series.columns.get("train/loss"), [null]);
  assert.equal(formatValue(series.last.get("train/loss")), "nan");
});

test("metrics of one quantity share a plot, and what matters most comes first", () => {
  const groups = groupByQuantity([
    "learning_rate",
    "train/loss",
    "train/epoch_loss",
    "train/accuracy",
    "validation/loss",
  ]);
  assert.deepEqual(
    [...groups],
    [
      ["loss", ["train/loss", "train/epoch_loss", "validation/loss"]],
      ["accuracy", ["train/accuracy"]],
      ["learning_rate", ["learning_rate"]],
    ],
  );
});

test("a role has the same line in every plot, and no two metrics of a plot have the same", () => {
  assert.deepEqual(assignStyles(["train/loss", "validation/loss", "test/loss"]), [0, 1, 2]);
  assert.deepEqual(assignStyles(["validation/accuracy", "test/accuracy"]), [1, 2]);
  assert.deepEqual(assignStyles(["speed", "train/loss", "train/epoch_loss"]), [1, 0, 2]);
});

test("numbers are as short as they can be read", () => {
  assert.equal(formatValue(0), "0");
  assert.equal(formatValue(0.123456), "0.1235");
  assert.equal(formatValue(0.00001234), "1.23e-5");
  assert.equal(formatValue(-1234567), "-1.23e+6");
  assert.equal(formatValue(undefined), "–");
  assert.equal(formatSeconds(59.6), "1 min 0 s");
  assert.equal(formatSeconds(3700), "1 h 1 min");
});

test("an average begins unbiased, passes over gaps, and is none of a few points", () => {
  assert.equal(smooth([1, 2, 3]), null);
  const noisy = Array.from({ length: 200 }, (_, index) => (index === 7 ? null : 5 + (index % 2 === 0 ? 1 : -1)));
  const average = smooth(noisy) as (number | null)[];
  assert.equal(average[0], 6);
  assert.equal(average[7], null);
  assert.ok(Math.abs((average.at(-1) as number) - 5) < 0.1);
});
