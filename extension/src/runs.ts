/** The runs of the workspace, as the server lists them. */

import type { NamedRun } from "../webview/runs/messages";
import type { Context } from "./context";
import { methods, type RunsParams, type RunsResult } from "./protocol";

/** Each with its folder, the newest first; `uri` is a file whose runs are meant. */
export async function listRuns(context: Context, params: RunsParams = {}): Promise<NamedRun[]> {
  const { runs, folders } = await context.request<RunsParams, RunsResult>(methods.runs, params);
  return runs.map((run, index) => ({ run, folder: folders[index] as string }));
}
