/**
 * An ONNX file without its weights: what the drawing needs of it is a thousandth of what there may be to read.
 *
 * The file is walked as protobuf says, and copied but for the data of large initializers, which is not read either. Their
 * names, types and shapes stay.
 */

/** The bytes of a file from an offset on, as many as were asked for. */
export type Read = (offset: number, length: number) => Promise<Uint8Array>;

const LENGTH_DELIMITED = 2;
const LARGEST_DATA = 1024;
const LARGEST_OUTLINE = 256 * 2 ** 20;
/** What is read at once, where little is wanted. */
const WINDOW = 2 ** 16;
const LONGEST_VARINT = 10;

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
/** `float_data`, `int32_data`, `string_data`, `int64_data`, `raw_data`, `double_data`, `uint64_data`. */
const TENSOR_DATA = new Set([4, 5, 6, 7, 9, 10, 11]);

/** Where a field lies: from its tag to its end, and what a length stands before, if one does. */
interface Field {
  number: number;
  start: number;
  content: number | null;
  end: number;
}

export class MalformedFile extends Error {}

/** Throws MalformedFile where the bytes are not an ONNX model's. */
export function withoutWeights(read: Read, size: number): Promise<Uint8Array> {
  return new Outline(read, size).model();
}

class Outline {
  private window: { start: number; bytes: Uint8Array } = { start: 0, bytes: new Uint8Array() };
  private kept = 0;

  constructor(
    private readonly read: Read,
    private readonly size: number,
  ) {}

  model(): Promise<Uint8Array> {
    return this.rewrite(0, this.size, (field) =>
      this.within(field, MODEL_GRAPH, (start, end) => this.graph(start, end)),
    );
  }

  private graph(start: number, end: number): Promise<Uint8Array> {
    return this.rewrite(start, end, (field) =>
      this.within(field, GRAPH_INITIALIZER, (from, to) => this.tensor(from, to)),
    );
  }

  private tensor(start: number, end: number): Promise<Uint8Array> {
    return this.rewrite(start, end, async (field) =>
      TENSOR_DATA.has(field.number) && field.end - field.start > LARGEST_DATA ? null : this.copy(field),
    );
  }

  /** A field as it is, but for that of one number, whose content is written anew. */
  private async within(
    field: Field,
    number: number,
    write: (start: number, end: number) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    return field.number === number && field.content !== null
      ? delimited(number, await write(field.content, field.end))
      : this.copy(field);
  }

  private async rewrite(
    start: number,
    end: number,
    change: (field: Field) => Promise<Uint8Array | null>,
  ): Promise<Uint8Array> {
    const kept = [];
    for (let at = start; at < end; ) {
      const field = await this.field(at, end);
      const changed = await change(field);
      if (changed !== null) {
        kept.push(changed);
      }
      at = field.end;
    }
    return Buffer.concat(kept);
  }

  private async field(start: number, limit: number): Promise<Field> {
    const [tag, afterTag] = await this.varint(start);
    const { end, content } = await this.measure(afterTag, tag & 7);
    if (end > limit) {
      throw new MalformedFile("The file ends in the middle of a value.");
    }
    return { number: Math.floor(tag / 8), start, content, end };
  }

  private async measure(at: number, wireType: number): Promise<{ end: number; content: number | null }> {
    switch (wireType) {
      case 0:
        return { end: (await this.varint(at))[1], content: null };
      case 1:
        return { end: at + 8, content: null };
      case LENGTH_DELIMITED: {
        const [length, content] = await this.varint(at);
        return { end: content + length, content };
      }
      case 5:
        return { end: at + 4, content: null };
      default:
        throw new MalformedFile("This is not an ONNX file.");
    }
  }

  /** The number at an offset, and the offset after it. */
  private async varint(at: number): Promise<[value: number, end: number]> {
    let value = 0;
    const bytes = await this.bytes(at, Math.min(LONGEST_VARINT, this.size - at));
    for (const [index, byte] of bytes.entries()) {
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) {
        return [value, at + index + 1];
      }
    }
    throw new MalformedFile("This is not an ONNX file.");
  }

  private async copy({ start, end }: Field): Promise<Uint8Array> {
    this.kept += end - start;
    if (this.kept > LARGEST_OUTLINE) {
      throw new MalformedFile("The file is too large without its weights to be drawn.");
    }
    return (await this.bytes(start, end - start)).slice();
  }

  private async bytes(start: number, length: number): Promise<Uint8Array> {
    const { window } = this;
    if (start < window.start || start + length > window.start + window.bytes.length) {
      const wanted = Math.min(Math.max(length, WINDOW), this.size - start);
      this.window = { start, bytes: await this.read(start, wanted) };
    }
    const from = start - this.window.start;
    return this.window.bytes.subarray(from, from + length);
  }
}

function delimited(number: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([varint(number * 8 + LENGTH_DELIMITED), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) {
    bytes.push((value % 0x80) + 0x80);
  }
  return Uint8Array.from([...bytes, value]);
}
