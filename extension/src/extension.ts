/** Wiring: what exists, and what is given to what. */

import type * as vscode from "vscode";

export async function activate(_extension: vscode.ExtensionContext): Promise<void> {}
