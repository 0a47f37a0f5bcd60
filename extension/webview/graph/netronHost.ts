/** Netron's host: the little it asks of the world. No network, no storage, no cookies, no telemetry, no dialogs. */

const WORKER = `
self.addEventListener("message", ({ data }) => {
  try {
    layout(data.nodes, data.edges, data.layout, data.state);
    self.postMessage(data);
  } catch (error) {
    self.postMessage({ type: "error", message: error.message });
  }
});`;

/** The modules that read model files, loaded when a file is one of theirs. */
const READERS = new Set([
  ...["./onnx", "./onnx-proto", "./onnx-schema"],
  ...["./pytorch", "./pytorch-proto", "./pytorch-schema"],
  ...["./executorch", "./executorch-schema"],
  ...["./keras", "./keras-proto"],
  ...["./tflite", "./tflite-schema"],
  ...["./gguf", "./safetensors"],
]);

export class NetronHost {
  readonly window = window;
  readonly document = document;
  readonly type = "PyModel";
  readonly version = "9.3.3";

  private constructor(
    private readonly netron: URL,
    private readonly layoutUrl: string | null,
  ) {}

  /** `netron` is the folder of its files. Where a page may not start a worker, layout runs in the page. */
  static async create(netron: URL): Promise<NetronHost> {
    const dagre = await (await fetch(new URL("dagre.js", netron))).text();
    // A page of VS Code may not start a worker from a file: the script is handed over as text.
    const url = URL.createObjectURL(new Blob([dagre, WORKER], { type: "text/javascript" }));
    try {
      new Worker(url, { type: "module" }).terminate();
      return new NetronHost(netron, url);
    } catch {
      return new NetronHost(netron, null);
    }
  }

  environment(name: string): unknown {
    return name === "serial" ? this.layoutUrl === null : undefined;
  }

  worker(): Worker {
    return new Worker(this.layoutUrl as string, { type: "module" });
  }

  /** Netron asks whether to cancel a layout that takes long, and cancels once it is answered: it never is. */
  message(): Promise<never> {
    return new Promise(() => undefined);
  }

  async require(id: string): Promise<unknown> {
    return READERS.has(id) ? import(this.url(`${id.slice(2)}.js`)) : { ModelFactory: NoReader };
  }

  /** A table that a reader needs. */
  async asset(file: string): Promise<string> {
    return (await fetch(this.url(file))).text();
  }

  /** A file as Netron's readers take it. It stands alone: weights kept beside it are not read. */
  openFile(name: string, stream: object): object {
    return {
      identifier: name,
      stream,
      entries: new Map(),
      require: (id: string) => this.require(id),
      asset: (file: string) => this.asset(file),
      fetch: () => Promise.reject(new Error("Files beside the model are not read.")),
      error: () => undefined,
    };
  }

  /** A reader goes on after what is not fatal: a name that it does not know, say. */
  exception(error: Error, fatal: boolean): void {
    if (fatal) {
      throw error;
    }
  }

  view(): void {}
  start(): void {}
  event(): void {}
  update(): void {}
  get(): void {}
  set(): void {}
  delete(): void {}
  openURL(): void {}

  private url(file: string): string {
    return new URL(file, this.netron).href;
  }
}

/** Stands for the formats that are not there. */
class NoReader {
  async match(): Promise<null> {
    return null;
  }
}
