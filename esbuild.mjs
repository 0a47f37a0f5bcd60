/** Builds out/: the extension for Node, one script and one stylesheet per webview, and the vendored Netron. */

import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { vendor } from "./extension/webview/graph/vendor.mjs";

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
  entryPoints: {
    runs: "extension/webview/runs/main.ts",
    graph: "extension/webview/graph/main.ts",
    browser: "extension/webview/graph/browser.ts",
  },
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
await vendor(`${root}out/webview/netron`);
await writeFile(`${root}out/webview/words.json`, JSON.stringify(await englishWords()));

/** The graph page's words, for where there is no editor to translate them. */
async function englishWords() {
  const vscode = {
    name: "vscode",
    setup(/** @type {esbuild.PluginBuild} */ { onResolve, onLoad }) {
      onResolve({ filter: /^vscode$/ }, () => ({ path: "vscode", namespace: "words" }));
      onLoad({ filter: /.*/, namespace: "words" }, () => ({ contents: "export const l10n = { t: (text) => text };" }));
    },
  };
  const entryPoints = ["extension/src/views/graphStrings.ts"];
  const { outputFiles } = await esbuild.build({
    ...{ absWorkingDir: root, entryPoints, plugins: [vscode] },
    ...{ bundle: true, format: "esm", write: false },
  });
  const { graphStrings } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  // Runs and weights are asked for in an editor alone.
  return { ...graphStrings(), runOverlays: {}, inspect: {} };
}

/** @param {esbuild.BuildOptions} options */
async function build(options) {
  if (watch) {
    const context = await esbuild.context(options);
    await context.watch();
  } else {
    await esbuild.build(options);
  }
}
