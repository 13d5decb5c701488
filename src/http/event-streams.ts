import { once } from 'node:events';
import type { Response } from 'express';
import { type Place, runEvents, type RunEventsDeps, type RunNews } from '../app/run-events.ts';

/** A proxy or a client takes a connection that is silent for longer for dead. */
const heartbeatMs = 15_000;
/** A reader that takes nothing for so long is cut off; it comes back with the id of the last event it has. */
const longestDrainMs = 30_000;
/** What an `EventSource` waits before it comes back. */
const reconnectMs = 1000;

/** The open event streams of this process. Each holds at most one event that its reader has not taken. */
export class EventStreams {
  private readonly deps: RunEventsDeps;
  private readonly stopping: AbortSignal;
  private readonly open = new Map<Response, AbortController>();
  private heartbeat: NodeJS.Timeout | null = null;

  constructor(deps: RunEventsDeps, stopping: AbortSignal) {
    this.deps = deps;
    this.stopping = stopping;
    // One listener for all streams: thousands of them on one signal would be kept by it.
    stopping.addEventListener('abort', () => {
      for (const controller of this.open.values()) controller.abort();
    });
  }

  /** Resolves when the run has ended, its reader is gone, or the process stops. Throws before the first byte alone. */
  async serve(runId: string, from: Place | null, res: Response): Promise<void> {
    const controller = this.enter(res);
    const leave = (): void => controller.abort();
    res.once('close', leave);
    try {
      for await (const news of runEvents(this.deps, runId, from, controller.signal)) {
        if (res.destroyed) return;
        if (news.type === 'open') begin(res);
        else await send(res, text(news));
      }
      // Stopped before the run was found: the reader comes back, to another process.
      if (!res.headersSent) begin(res);
      res.end();
    } finally {
      res.off('close', leave);
      this.leave(res);
    }
  }

  private enter(res: Response): AbortController {
    const controller = new AbortController();
    if (this.stopping.aborted || res.destroyed) controller.abort();
    this.open.set(res, controller);
    this.heartbeat ??= setInterval(() => this.beat(), heartbeatMs);
    return controller;
  }

  private leave(res: Response): void {
    this.open.delete(res);
    if (this.open.size > 0 || this.heartbeat === null) return;
    clearInterval(this.heartbeat);
    this.heartbeat = null;
  }

  private beat(): void {
    for (const res of this.open.keys()) if (res.headersSent && !res.writableNeedDrain) res.write(':\n\n');
  }
}

function begin(res: Response): void {
  res.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    // nginx would collect events until its buffer is full.
    'X-Accel-Buffering': 'no',
  });
  res.write(`retry: ${reconnectMs}\n\n`);
}

function text(news: Exclude<RunNews, { type: 'open' }>): string {
  // JSON holds no bare line break, so one `data` line is enough.
  const data = news.type === 'output' ? { text: news.text } : news.run;
  return `id: ${news.id}\nevent: ${news.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Resolves when the reader may be sent more. One that takes too long is cut off. */
async function send(res: Response, message: string): Promise<void> {
  if (res.write(message) || res.destroyed) return;
  const late = setTimeout(() => res.destroy(), longestDrainMs);
  try {
    await Promise.race([once(res, 'drain'), once(res, 'close')]);
  } finally {
    clearTimeout(late);
  }
}
