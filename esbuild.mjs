/** Builds out/: the extension for Node, one script and one stylesheet per webview, and the vendored Netron. */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const watch = process.argv.includes("--watch");

const common = { absWorkingDir: root, bundle: true, logLevel: "info", sourcemap: watch, minify: !watch };

const extension = {
  ...common,
  entryPoints: { extension: "extension/src/extension.ts" },
  outdir: "out",
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  mainFields: ["module", "main"],
};

const webviews = {
  ...common,
  entryPoints: { runs: "extension/webview/runs/main.ts", graph: "extension/webview/graph/main.ts" },
  outdir: "out/webview",
  platform: "browser",
  format: "esm",
  target: "es2022",
  // Netron tells its values by their class's name.
  keepNames: true,
  // Netron's modules lie beside graph.js and are loaded as they are.
  external: ["./netron/*"],
};

await rm("out", { recursive: true, force: true });
await Promise.all([extension, webviews].map(build));
await vendorNetron();

/** @param {esbuild.BuildOptions} options */
async function build(options) {
  // A part that is not in this checkout yet is left out, so that the others can be built.
  const entryPoints = Object.fromEntries(Object.entries(options.entryPoints).filter(([, path]) => existsSync(path)));
  if (!watch) {
    return esbuild.build({ ...options, entryPoints });
  }
  const context = await esbuild.context({ ...options, entryPoints });
  return context.watch();
}

/** extension/webview/graph/vendor.mjs exports `vendor(outdir)`, which copies Netron's pinned files there. */
async function vendorNetron() {
  const script = `${root}extension/webview/graph/vendor.mjs`;
  if (existsSync(script)) {
    const { vendor } = await import(pathToFileURL(script).href);
    await vendor(`${root}out/webview/netron`);
  }
}
