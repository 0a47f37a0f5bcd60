/** Fills bundled/libs with the wheels that server/requirements.txt pins. Pure Python only, so that one VSIX fits all. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const REQUIREMENTS = join("server", "requirements.txt");
const LIBS = join("bundled", "libs");
const STAMP = join("bundled", "requirements.sha256");
const COMPILED = /\.(so|pyd|dylib|dll|pyc)$/;

/** Any wheel without a compiled part will do, whatever system this runs on. */
const PIP_OPTIONS = [
  ...["--require-hashes", "--no-deps", "--no-compile", "--disable-pip-version-check"],
  ...["--only-binary", ":all:", "--implementation", "py", "--abi", "none", "--python-version", "3.11"],
  ...["--platform", "any", "--platform", "manylinux2014_x86_64"],
];

export async function bundleLibraries() {
  const wanted = createHash("sha256")
    .update(await readFile(REQUIREMENTS))
    .digest("hex");
  if (existsSync(STAMP) && (await readFile(STAMP, "utf8")) === wanted) {
    return;
  }
  await rm("bundled", { recursive: true, force: true });
  await mkdir("bundled");
  const pip = ["-m", "pip", "install", "--quiet", "--target", LIBS, ...PIP_OPTIONS, "--requirement", REQUIREMENTS];
  execFileSync(findPython(), pip, { stdio: ["ignore", "inherit", "inherit"] });
  await rm(join(LIBS, "bin"), { recursive: true, force: true });
  const compiled = (await readdir(LIBS, { recursive: true })).filter((path) => COMPILED.test(path));
  if (compiled.length > 0) {
    throw new Error(`bundled/libs must be pure Python, but holds ${compiled.join(", ")}`);
  }
  await writeFile(STAMP, wanted);
}

/** A Python that has pip: $PYTHON, else the checkout's own environment, else the system's. */
function findPython() {
  const own = process.platform === "win32" ? join(".venv", "Scripts", "python.exe") : join(".venv", "bin", "python");
  return process.env.PYTHON || (existsSync(own) ? own : "python3");
}
