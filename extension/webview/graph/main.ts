/** Takes messages one after another, and draws what is wanted last. */

import "../shared/theme.css";
import "./style.css";
import "./inside.css";
import "./tools.css";
import { GraphPage } from "./graphPage";
import { type FromPage, isPageState, isToPage, type PageState, type ToPage } from "./messages";

const vscode = acquireVsCodeApi<PageState>();
type Message = Exclude<ToPage, { type: "bytes" }>;

const inbox: Message[] = [];
let receiving = false;
let view: GraphPage | undefined;

const host = {
  post: (message: FromPage) => vscode.postMessage(message),
  save: (state: PageState) => void vscode.setState(state),
  saved: () => {
    const state = vscode.getState();
    return isPageState(state) ? state : null;
  },
};

window.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
  if (!isToPage(data)) {
    return;
  }
  if (data.type === "bytes") {
    view?.receiveBytes(data);
  } else {
    inbox.push(data);
    void receiveAll();
  }
});
host.post({ type: "ready", state: host.saved() });

async function receiveAll(): Promise<void> {
  if (receiving) {
    return;
  }
  receiving = true;
  for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) {
    try {
      await receive(message);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      view?.showFailure(text);
      host.post({ type: "failed", message: text });
    }
  }
  receiving = false;
}

async function receive(message: Message): Promise<void> {
  if (message.type === "strings") {
    view ??= await GraphPage.create(message.strings, host);
  } else if (!replacesAll(message) || !inbox.some(replacesAll)) {
    await view?.receive(message);
  }
}

function replacesAll({ type }: Message): boolean {
  return type === "level" || type === "placeholder" || type === "file";
}
