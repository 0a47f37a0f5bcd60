/** `npm run l10n`: collects the texts of every `l10n.t("…")` in extension/src into l10n/bundle.l10n.json. */

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CALL = /\bl10n\.t\(\s*("(?:[^"\\]|\\.)*")/g;
const SOURCES = join("extension", "src");

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const files = (await readdir(SOURCES, { recursive: true })).filter((path) => path.endsWith(".ts"));
const sources = await Promise.all(files.map((path) => readFile(join(SOURCES, path), "utf8")));
const texts = sources.flatMap((source) => [...source.matchAll(CALL)].map(([, literal]) => JSON.parse(literal ?? "")));
const bundle = Object.fromEntries([...new Set(texts)].sort().map((text) => [text, text]));
await mkdir("l10n", { recursive: true });
await writeFile(join("l10n", "bundle.l10n.json"), `${JSON.stringify(bundle, null, 2)}\n`);
