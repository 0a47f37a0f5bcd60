/** `npm test`: bundles extension/tests and runs it with Node's own runner. What needs VS Code is in tests/e2e. */

import { execFileSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const OUT = join("out", "tests");

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
await rm(OUT, { recursive: true, force: true });
await esbuild.build({
  entryPoints: ["extension/tests/*.test.ts"],
  outdir: OUT,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
});
try {
  execFileSync(process.execPath, ["--test", OUT], { stdio: "inherit" });
} finally {
  await rm(OUT, { recursive: true, force: true });
}
