/** `npm run l10n`: collects the texts of every `l10n.t("…")` of the extension and `t("…")` of the server into one bundle. */

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = [
  { folder: join("extension", "src"), ending: ".ts", call: /\bl10n\.t\(\s*("(?:[^"\\]|\\.)*")/g },
  { folder: join("server", "pymodel_server"), ending: ".py", call: /\bt\(\s*("(?:[^"\\]|\\.)*")/g },
];

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const texts = (await Promise.all(SOURCES.map(collect))).flat();
const bundle = Object.fromEntries([...new Set(texts)].sort().map((text) => [text, text]));
await mkdir("l10n", { recursive: true });
await writeFile(join("l10n", "bundle.l10n.json"), `${JSON.stringify(bundle, null, 2)}\n`);

/** @param {{ folder: string, ending: string, call: RegExp }} source @returns {Promise<string[]>} */
async function collect({ folder, ending, call }) {
  const files = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(ending));
  const sources = await Promise.all(files.map((path) => readFile(join(folder, path), "utf8")));
  return sources.flatMap((source) => [...source.matchAll(call)].map(([, literal]) => JSON.parse(literal ?? "")));
}
