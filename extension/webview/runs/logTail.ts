/** The end of the run's log, where it is opened: it follows what is written, unless one has scrolled up to read. */

import { element } from "../shared/dom";

/** Pixels from the end that still count as being there. */
const NEAR = 8;

export class LogTail {
  readonly root = element("details", { className: "log" });
  private readonly text = element("pre", { tabIndex: 0 });

  constructor(title: string, toggled: (open: boolean) => void) {
    this.text.setAttribute("aria-label", title);
    this.root.append(element("summary", { textContent: title }), this.text);
    this.root.addEventListener("toggle", () => toggled(this.root.open));
  }

  get isOpen(): boolean {
    return this.root.open;
  }

  show(text: string): void {
    const { scrollHeight, scrollTop, clientHeight } = this.text;
    const wasAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    this.text.textContent = text;
    if (wasAtEnd) {
      this.text.scrollTop = this.text.scrollHeight;
    }
  }
}
