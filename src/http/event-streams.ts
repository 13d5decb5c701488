import { once } from 'node:events';
import type { Response } from 'express';
import { type Place, runEvents, type RunNews } from '../app/run-events.ts';
import { defaultLimits, type HttpDeps } from './deps.ts';

/** A proxy or a client takes a connection that is silent for longer for dead. */
const heartbeatMs = 15_000;
/** What an `EventSource` waits before it comes back. */
const reconnectMs = 1000;

type EventDeps = Pick<HttpDeps, 'store' | 'events' | 'output' | 'eventReaders' | 'limits' | 'stopping'>;

/** The open event streams of this process. Each holds at most one event that its reader has not taken. */
export class EventStreams {
  private readonly deps: EventDeps;
  private readonly drainMs: number;
  private readonly open = new Map<Response, AbortController>();
  private heartbeat: NodeJS.Timeout | null = null;

  constructor(deps: EventDeps) {
    this.deps = deps;
    this.drainMs = deps.limits?.drainMs ?? defaultLimits.drainMs;
    // One listener for all streams: thousands of them on one signal would be kept by it.
    deps.stopping.addEventListener('abort', () => {
      for (const controller of this.open.values()) controller.abort();
    });
  }

  /** Resolves when the run has ended, its reader is gone, or the process stops. Throws before the first byte alone. */
  async serve(runId: string, from: Place | null, res: Response): Promise<void> {
    const controller = this.enter(res);
    const leave = (): void => controller.abort();
    res.once('close', leave);
    let wasCut = false;
    try {
      for await (const news of runEvents(this.deps, runId, from, controller.signal)) {
        if (res.destroyed) return;
        if (news.type === 'open') begin(res);
        else if (!(await send(res, text(news), this.drainMs, controller.signal))) wasCut = true;
      }
      // Stopped before the run was found: the reader comes back, to another process.
      if (!res.headersSent) begin(res);
      res.end();
    } finally {
      res.off('close', leave);
      this.leave(res);
      this.deps.eventReaders?.went(wasCut ? 'cut' : 'left');
    }
  }

  private enter(res: Response): AbortController {
    const controller = new AbortController();
    this.deps.eventReaders?.came();
    if (this.deps.stopping.aborted || res.destroyed) controller.abort();
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

/** Resolves when the reader may be sent more, or is gone (`left`). False: it took too long, and was cut off. */
async function send(res: Response, message: string, drainMs: number, left: AbortSignal): Promise<boolean> {
  if (res.write(message) || res.destroyed) return true;
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    res.destroy();
  }, drainMs);
  try {
    await once(res, 'drain', { signal: left });
  } catch (error) {
    if (!left.aborted) throw error;
  } finally {
    clearTimeout(late);
  }
  return !isLate;
}
