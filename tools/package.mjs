/** `npm run package`: builds dist/pymodel.vsix, the one package for every system. */

import { execFileSync } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleLibraries } from "./bundle.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const VSIX = join("dist", "pymodel.vsix");

process.chdir(root);
run("esbuild.mjs");
await bundleLibraries();
await mkdir("dist", { recursive: true });
run(
  join("node_modules", "@vscode", "vsce", "vsce"),
  ...["package", "--no-dependencies", "--no-rewrite-relative-links", "--allow-missing-repository", "--out", VSIX],
);
const { size } = await stat(VSIX);
console.log(`${VSIX}: ${(size / 1e6).toFixed(1)} MB`);

/** @param {string} script @param {string[]} args */
function run(script, ...args) {
  execFileSync(process.execPath, [script, ...args], { stdio: "inherit" });
}
