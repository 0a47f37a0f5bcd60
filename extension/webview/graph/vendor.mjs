/**
 * Copies the parts of Netron that the graph view needs out of the pinned wheel, each checked by its sha256.
 *
 * The wheel is the one installed in the checkout's .venv, else it is downloaded once into a cache. Scripts are copied as
 * they are, but for a few: the stylesheet follows VS Code's theme instead of the system's, ONNX's operator table is cut
 * down to what drawing needs (5.6 MB to 0.3 MB), shapes stand in brackets that every font has, and readers that take a
 * quarter of a gigabyte at once take a megabyte.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const { version, sha256 } = JSON.parse(await readFile(new URL("./netron/files.json", import.meta.url), "utf8"));

const DERIVED = {
  "grapher.css": followEditorTheme,
  "onnx-metadata.json": keepWhatDrawingNeeds,
  "view.js": useCommonBrackets,
  "flatbuffers.js": readLess("this._size = 0x10000000", "this._size = 0x100000"),
  "hdf5.js": readLess("data.length < 0x10000000", "data.length < 0x100000"),
  "python.js": readLess("Math.min(0x10000000, this._length", "Math.min(0x100000, this._length"),
  "pytorch.js": readLess("this.stream.length < 0x7ffff000", "this.stream.length < 0x100000"),
};

/** @param {string} outdir where the files go, made if it is not there */
export async function vendor(outdir) {
  const files = await findFiles();
  await mkdir(outdir, { recursive: true });
  for (const [name, content] of files) {
    await writeFile(join(outdir, name), DERIVED[name] ? DERIVED[name](content.toString("utf8")) : content);
  }
}

/** The pinned files by name, from the first place that holds all of them unchanged. */
async function findFiles() {
  for (const site of await installedSites()) {
    const files = await readPinned(join(site, "netron"));
    if (files) {
      return files;
    }
  }
  const files = await readPinned(join(await download(), "netron"));
  if (!files) {
    throw new Error(
      `netron ${version} as downloaded is not the one pinned in extension/webview/graph/netron/files.json.`,
    );
  }
  return files;
}

/** The files of one installation; null if one of them is missing or is not the pinned one. */
async function readPinned(folder) {
  const files = new Map();
  for (const [name, expected] of Object.entries(sha256)) {
    const path = join(folder, name);
    const content = existsSync(path) ? await readFile(path) : Buffer.alloc(0);
    if (createHash("sha256").update(content).digest("hex") !== expected) {
      return null;
    }
    files.set(name, content);
  }
  return files;
}

async function installedSites() {
  const lib = join(root, ".venv", "lib");
  const versions = existsSync(lib) ? await readdir(lib) : [];
  return [...versions.map((name) => join(lib, name, "site-packages")), join(root, ".venv", "Lib", "site-packages")];
}

/** Unpacks the wheel into a cache, and returns the folder. It appears there whole or not at all. */
async function download() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pymodel");
  const folder = join(cache, `netron-${version}`);
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`;
    const own = join(root, ".venv", "bin", "python");
    const python = existsSync(own) ? own : process.platform === "win32" ? "python" : "python3";
    await mkdir(partial, { recursive: true });
    await run(python, ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", partial, `netron==${version}`]);
    const [wheel] = await readdir(partial);
    await run(python, ["-m", "zipfile", "-e", join(partial, wheel), partial]);
    await rename(partial, folder);
    await rm(join(folder, wheel));
  }
  return folder;
}

/** The system's dark mode is not the editor's: the rules for it are nested under the attribute that VS Code sets. */
function followEditorTheme(css) {
  const rule = "@media (prefers-color-scheme: dark) {";
  if (css.split(rule).length !== 2) {
    throw new Error("Netron's stylesheet has not the one rule for dark mode that the graph view expects.");
  }
  return css.replace(rule, 'body:is([data-vscode-theme-kind$="dark"], [data-vscode-theme-kind$="high-contrast"]) {');
}

/** Netron puts a weight's shape in brackets of Chinese typography, which are boxes where no font has them. */
function useCommonBrackets(script) {
  const [left, right] = ["\\u3008", "\\u3009"];
  if (script.split(left).length !== 6 || script.split(right).length !== 4) {
    throw new Error("Netron's view has not the brackets around shapes that the graph view expects.");
  }
  return script.replaceAll(left, "\\u2039").replaceAll(right, "\\u203a");
}

/** Netron's readers take all of a file, or a large window of it, where they need little: a page waits for each byte. */
function readLess(window, smaller) {
  return (/** @type {string} */ script) => {
    if (script.split(window).length !== 2) {
      throw new Error(`Netron's readers have not the one window that is made smaller here: ${window}`);
    }
    return script.replace(window, smaller);
  };
}

/** Names, types and colour categories of ONNX operators, without their documentation and examples. */
function keepWhatDrawingNeeds(metadata) {
  const named = (parameters) =>
    parameters?.map(({ name, type, list, default: value }) => ({ name, type, list, default: value }));
  const operators = JSON.parse(metadata).map(({ name, module, version, category, inputs, outputs, attributes }) => ({
    name,
    module,
    version,
    category,
    inputs: named(inputs),
    outputs: named(outputs),
    attributes: named(attributes),
  }));
  return JSON.stringify(operators);
}
