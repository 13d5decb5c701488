/** The runs through a fleet: over its HTTP API, as any producer would send them. */

import { type RunfleetClient, type RunView, hasEnded } from '../src/client/index.ts';
import type { DemoRun } from './runs.ts';

export interface Result {
  readonly run: DemoRun;
  readonly view: RunView;
}

/** Sends all, cancels those to be cancelled, and resolves when every run has ended. `onProgress` hears of each end. */
export async function carry(
  client: RunfleetClient,
  runs: readonly DemoRun[],
  onProgress: (view: RunView) => void,
): Promise<Result[]> {
  return await Promise.all(
    runs.map(async (run) => {
      const accepted = await client.runs.create(run.input);
      if (run.cancel) await cancelOnceRunning(client, accepted.id);
      const view = await client.runs.wait(accepted.id);
      onProgress(view);
      return { run, view };
    }),
  );
}

async function cancelOnceRunning(client: RunfleetClient, id: string): Promise<void> {
  for (;;) {
    const view = await client.runs.get(id);
    if (view.provider_run_id !== null || hasEnded(view)) break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await client.runs.cancel(id);
}
