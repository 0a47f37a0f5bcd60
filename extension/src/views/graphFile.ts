/**
 * An ONNX file without its weights: what the drawing needs of it is a thousandth of what there may be to send.
 *
 * The file is walked as protobuf says, and copied but for the data of large initializers. Their names, types and shapes
 * stay.
 */

const LENGTH_DELIMITED = 2;
const LARGEST_DATA = 1024;

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
/** `float_data`, `int32_data`, `string_data`, `int64_data`, `raw_data`, `double_data`, `uint64_data`. */
const TENSOR_DATA = new Set([4, 5, 6, 7, 9, 10, 11]);

interface Field {
  number: number;
  /** From the field's tag to its end; `content` is what a length stands before. */
  whole: Uint8Array;
  content: Uint8Array | null;
}

export class MalformedFile extends Error {}

/** Throws MalformedFile where the bytes are not an ONNX model's. */
export function withoutWeights(model: Uint8Array): Uint8Array {
  return rewrite(model, (field) =>
    field.number === MODEL_GRAPH && field.content ? delimited(MODEL_GRAPH, rewriteGraph(field.content)) : field.whole,
  );
}

function rewriteGraph(graph: Uint8Array): Uint8Array {
  return rewrite(graph, (field) =>
    field.number === GRAPH_INITIALIZER && field.content
      ? delimited(GRAPH_INITIALIZER, rewriteTensor(field.content))
      : field.whole,
  );
}

function rewriteTensor(tensor: Uint8Array): Uint8Array {
  return rewrite(tensor, (field) =>
    TENSOR_DATA.has(field.number) && field.whole.length > LARGEST_DATA ? null : field.whole,
  );
}

function rewrite(message: Uint8Array, change: (field: Field) => Uint8Array | null): Uint8Array {
  const kept = [];
  for (const field of fields(message)) {
    const changed = change(field);
    if (changed !== null) {
      kept.push(changed);
    }
  }
  return Buffer.concat(kept);
}

function* fields(message: Uint8Array): Generator<Field> {
  for (let at = 0; at < message.length; ) {
    const start = at;
    const [tag, afterTag] = readVarint(message, at);
    const { end, contentStart } = measure(message, afterTag, tag & 7);
    if (end > message.length) {
      throw new MalformedFile("The file ends in the middle of a value.");
    }
    at = end;
    const content = contentStart === null ? null : message.subarray(contentStart, end);
    yield { number: Math.floor(tag / 8), whole: message.subarray(start, end), content };
  }
}

function measure(message: Uint8Array, at: number, wireType: number): { end: number; contentStart: number | null } {
  switch (wireType) {
    case 0:
      return { end: readVarint(message, at)[1], contentStart: null };
    case 1:
      return { end: at + 8, contentStart: null };
    case LENGTH_DELIMITED: {
      const [length, contentStart] = readVarint(message, at);
      return { end: contentStart + length, contentStart };
    }
    case 5:
      return { end: at + 4, contentStart: null };
    default:
      throw new MalformedFile("This is not an ONNX file.");
  }
}

/** The number at an offset, and the offset after it. */
function readVarint(message: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let index = at; index < message.length && index < at + 10; index += 1) {
    const byte = message[index] as number;
    value += (byte & 0x7f) * 2 ** (7 * (index - at));
    if (byte < 0x80) {
      return [value, index + 1];
    }
  }
  throw new MalformedFile("This is not an ONNX file.");
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
