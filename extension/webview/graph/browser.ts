/** Stands for the editor where the graph page is in a browser: messages go to the server that served the page. */

import "./browser.css";

type Message = { type: string; format?: string; data?: unknown; name?: string; text?: string };

const secret = document.querySelector<HTMLMetaElement>('meta[name="secret"]')?.content ?? "";
const dark = matchMedia("(prefers-color-scheme: dark)");
let state: unknown = null;
let turn: Promise<void> = Promise.resolve();

Object.assign(window, {
  acquireVsCodeApi: () => ({
    // One after another, as they were said.
    postMessage: (message: Message) => {
      turn = turn.then(() => send(message)).catch((error) => console.error(error));
    },
    getState: () => state,
    setState: (next: unknown) => {
      state = next;
    },
  }),
});

followTheme();
dark.addEventListener("change", followTheme);
// The server ends when this connection does.
void post("/alive", null);
// A path that is known at run time only: the page is a bundle of its own.
void import(new URL("graph.js", document.baseURI).href);

async function send(message: Message): Promise<void> {
  if (message.type === "save" && message.data) {
    const kind = message.format === "png" ? "image/png" : "image/svg+xml";
    download(`graph.${message.format}`, new Blob([message.data as BlobPart], { type: kind }));
    return;
  }
  const response = await post("/message", message);
  for (const answer of (await response.json()) as Message[]) {
    if (answer.type === "download") {
      download(answer.name ?? "graph", new Blob([answer.text ?? ""], { type: "text/plain" }));
    } else {
      window.postMessage(answer, location.origin);
    }
  }
}

function post(path: string, message: Message | null): Promise<Response> {
  const headers = { "Content-Type": "application/json", "X-PyModel-Secret": secret };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(message) });
}

function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function followTheme(): void {
  document.body.setAttribute("data-vscode-theme-kind", dark.matches ? "vscode-dark" : "vscode-light");
}
