import assert from "node:assert/strict";
import { test } from "node:test";
import { isFromPage } from "../webview/runs/messages";

test("the page's own messages are taken", () => {
  assert.ok(isFromPage({ type: "ready", selected: null }));
  assert.ok(isFromPage({ type: "stop", folder: "/w/.pymodel/runs/a" }));
  assert.ok(isFromPage({ type: "source", path: "/w/model.py", line: 3 }));
});

test("anything else is refused", () => {
  const foreign = [null, undefined, 1, "stop", [], {}, { type: "stop" }, { type: "stop", folder: 1 }, { type: "eval" }];
  for (const message of [...foreign, { type: "source", path: "/w/model.py", line: "3" }, { type: "ready" }]) {
    assert.ok(!isFromPage(message), JSON.stringify(message));
  }
});
