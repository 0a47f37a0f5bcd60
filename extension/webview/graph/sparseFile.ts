/**
 * A file of which only what is needed is here, in the shape of a stream that Netron's readers take.
 *
 * The readers ask for bytes and must have them at once, but a page can only wait for them. So a reader is run on what is
 * there; what is not there yet reads as zeros, and is noted. If anything was, it is fetched, what the reader made is thrown
 * away, and the reader is run again: it ends when a run has met nothing but the file's own bytes.
 */

import type { Range } from "./messages";

const PAGE = 4096;
/** The ends of a file say what it is, and where in it the rest lies. */
const ENDS = 2 ** 17;
/** A file of this size is fetched as a whole. */
const SMALL = 2 ** 23;
/** One run notes this many missing pages before it ends: enough for the entries of any archive. */
const MOST_MISSING = 10_000;
/** The most of a file that is held. */
const MOST_HELD = 2 ** 28;
/** The most that is fetched ahead of a reader that goes on and on, in pages. */
const FARTHEST_AHEAD = 1024;
/** Where a reader has met few missing pages, what it looks for next is likely near them: so many pages to each side. */
const [FEW, NEAR] = [8, 4];
const LARGEST_FETCH = 2 ** 25;

/** Fetches the bytes of ranges, one after another; null if there is no such file any longer. */
export type Fetch = (ranges: readonly Range[]) => Promise<ArrayBuffer | null>;

export class SparseFile {
  private readonly pages = new Map<number, Uint8Array>();
  private readonly missing = new Set<number>();
  private ahead = 4;
  private lastLoaded = -1;

  constructor(
    readonly size: number,
    private readonly fetch: Fetch,
  ) {}

  /** What a reader makes of the file, or the error it ends with. */
  async read<T>(reader: (stream: FileStream) => Promise<T>): Promise<T> {
    await this.load(this.size <= SMALL ? this.pagesOf(0, this.size) : this.ends());
    for (;;) {
      this.missing.clear();
      let outcome: () => T;
      try {
        const made = await reader(new FileStream(this, 0, this.size));
        outcome = () => made;
      } catch (error) {
        outcome = () => {
          throw error;
        };
      }
      if (!this.isMissed) {
        return outcome();
      }
      await this.load(this.withNeighbours([...this.missing].sort((a, b) => a - b)));
    }
  }

  /** This run has met zeros in the place of bytes: what comes of it will be thrown away. */
  get isMissed(): boolean {
    return this.missing.size > 0;
  }

  /** The bytes of a part of the file, or zeros. */
  bytes(offset: number, length: number): Uint8Array {
    if (length > MOST_HELD) {
      throw new TooMuch();
    }
    const [first, start] = [Math.floor(offset / PAGE), offset % PAGE];
    const page = this.pages.get(first);
    if (page !== undefined && start + length <= PAGE) {
      return page.subarray(start, start + length);
    }
    const bytes = new Uint8Array(length);
    for (const index of length === 0 ? [] : this.pagesOf(offset, length)) {
      const held = this.pages.get(index);
      if (held === undefined) {
        this.note(index);
      } else {
        const from = Math.max(offset - index * PAGE, 0);
        const at = index * PAGE + from - offset;
        bytes.set(held.subarray(from, from + length - at), at);
      }
    }
    return bytes;
  }

  private note(page: number): void {
    this.missing.add(page);
    if (this.missing.size * PAGE > MOST_HELD) {
      throw new TooMuch();
    }
  }

  /** Ends a run that has met too many zeros to be worth going on with. */
  check(): void {
    if (this.missing.size > MOST_MISSING) {
      throw new Error("Too much of the file is not here yet.");
    }
  }

  private *pagesOf(offset: number, length: number): Generator<number> {
    for (let page = Math.floor(offset / PAGE); page * PAGE < Math.min(offset + length, this.size); page += 1) {
      yield page;
    }
  }

  private *ends(): Generator<number> {
    yield* this.pagesOf(0, ENDS);
    yield* this.pagesOf(this.size - ENDS, ENDS);
  }

  /** The pages, in order, and what a reader is likely to ask for after them. */
  private *withNeighbours(pages: readonly number[]): Generator<number> {
    yield* pages;
    const [first, last] = [pages[0] as number, pages.at(-1) as number];
    if (first === this.lastLoaded + 1) {
      this.ahead = Math.min(2 * this.ahead, FARTHEST_AHEAD);
      yield* this.pagesOf((last + 1) * PAGE, this.ahead * PAGE);
    }
    for (const page of pages.length <= FEW ? pages : []) {
      yield* this.pagesOf(Math.max(page - NEAR, 0) * PAGE, (2 * NEAR + 1) * PAGE);
    }
  }

  private async load(wanted: Iterable<number>): Promise<void> {
    const pages = new Set(wanted);
    const missing = [...pages].filter((page) => !this.pages.has(page)).sort((a, b) => a - b);
    if ((this.pages.size + missing.length) * PAGE > MOST_HELD) {
      throw new TooMuch();
    }
    this.lastLoaded = missing.at(-1) ?? this.lastLoaded;
    for (let at = 0; at < missing.length; at += LARGEST_FETCH / PAGE) {
      await this.loadSome(missing.slice(at, at + LARGEST_FETCH / PAGE));
    }
  }

  private async loadSome(pages: readonly number[]): Promise<void> {
    const bytes = await this.fetch(asRanges(pages, this.size));
    if (bytes === null) {
      throw new Error("The file cannot be read any longer.");
    }
    for (const [index, page] of pages.entries()) {
      const length = Math.min(PAGE, this.size - page * PAGE);
      this.pages.set(page, new Uint8Array(bytes, index * PAGE, length));
    }
  }
}

/** Neighbouring pages as one range. */
function asRanges(pages: readonly number[], size: number): Range[] {
  const ranges: [number, number][] = [];
  for (const page of pages) {
    const offset = page * PAGE;
    const length = Math.min(PAGE, size - offset);
    const last = ranges.at(-1);
    if (last !== undefined && last[0] + last[1] === offset) {
      last[1] += length;
    } else {
      ranges.push([offset, length]);
    }
  }
  return ranges;
}

class TooMuch extends Error {
  constructor() {
    super(`More than ${MOST_HELD / 2 ** 20} MB of the file would have to be read to draw it.`);
  }
}

/** A part of a file, as Netron's readers know it. */
export class FileStream {
  position = 0;

  constructor(
    private readonly file: SparseFile,
    private readonly start: number,
    readonly length: number,
  ) {}

  /** The part from here on, of a length. Nothing of it is read. */
  stream(length: number): FileStream {
    const part = new FileStream(this.file, this.start + this.position, length);
    this.skip(length);
    return part;
  }

  seek(position: number): void {
    this.moveTo(position >= 0 ? position : this.length + position);
  }

  skip(offset: number): void {
    this.moveTo(this.position + offset);
  }

  peek(length = this.length - this.position): Uint8Array {
    this.require(this.position + length);
    this.file.check();
    return this.file.bytes(this.start + this.position, length);
  }

  /** As `peek`, in memory of its own: readers may look at it as a whole buffer. */
  read(length = this.length - this.position): Uint8Array {
    const bytes = this.peek(length).slice();
    this.position += length;
    return bytes;
  }

  private moveTo(position: number): void {
    this.require(position);
    this.position = position;
  }

  private require(position: number): void {
    if (!(position >= 0 && position <= this.length)) {
      throw new Error("The file ends too early: it is cut off or damaged.");
    }
  }
}
