/** A model file as a page reads it: piece by piece, and never all of a large one. */

import { type FileHandle, open } from "node:fs/promises";
import { basename, extname } from "node:path";
import * as vscode from "vscode";
import type { Range } from "../../webview/graph/messages";
import { type Read, withoutWeights } from "./onnxOutline";

let opened = 0;

export class ModelFile {
  /** Told apart from a file that the page has asked for before. */
  readonly id = ++opened;

  private constructor(
    readonly name: string,
    readonly size: number,
    private readonly read: Read,
    private readonly handle: FileHandle,
  ) {}

  /** Throws what the system says where there is no such file, and MalformedFile. */
  static async open(uri: vscode.Uri): Promise<ModelFile> {
    const name = basename(uri.fsPath);
    const handle = await open(uri.fsPath, "r");
    try {
      const { size } = await handle.stat();
      const read = (offset: number, length: number) => readFrom(handle, offset, length);
      if (extname(name).toLowerCase() !== ".onnx") {
        return new ModelFile(name, size, read, handle);
      }
      const outline = await withoutWeights(read, size);
      const part = async (offset: number, length: number) => outline.subarray(offset, offset + length);
      return new ModelFile(name, outline.length, part, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The bytes of the ranges, one after another. */
  async readRanges(ranges: readonly Range[]): Promise<ArrayBuffer> {
    const parts = [];
    for (const [offset, length] of ranges) {
      parts.push(await this.read(offset, length));
    }
    return Uint8Array.from(Buffer.concat(parts)).buffer;
  }

  close(): void {
    void this.handle.close();
  }
}

async function readFrom(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) {
      throw new Error(vscode.l10n.t("The file has become shorter while it was read."));
    }
    at += bytesRead;
  }
  return bytes;
}
