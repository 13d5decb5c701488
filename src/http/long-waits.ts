import type { Response } from 'express';
import { awaitRun } from '../app/await-run.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';

/** The requests that wait for a run: each until its time is over, its caller hangs up, or the process stops. */
export class LongWaits {
  private readonly deps: { readonly store: RunStore; readonly events: EventBus };
  private readonly stopping: AbortSignal;
  private readonly open = new Set<AbortController>();

  constructor(deps: { readonly store: RunStore; readonly events: EventBus }, stopping: AbortSignal) {
    this.deps = deps;
    this.stopping = stopping;
    // One listener for all waits: thousands of them on one signal would be kept by it.
    stopping.addEventListener('abort', () => {
      for (const controller of this.open) controller.abort();
    });
  }

  async wait(runId: string, waitMs: number, res: Response): Promise<RunRecord> {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    if (this.stopping.aborted || res.destroyed) abort();
    const timer = setTimeout(abort, waitMs);
    res.once('close', abort);
    this.open.add(controller);
    try {
      return await awaitRun(this.deps, runId, controller.signal);
    } finally {
      clearTimeout(timer);
      res.off('close', abort);
      this.open.delete(controller);
    }
  }
}
