import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { defaultTimeoutSeconds } from './call-tool.ts';
import type { StandInData } from './stand-in-thread.ts';
import type { ToolSet } from './tool.ts';

/** How long a handler of these may block the event loop: as long as it may take, within reason. */
export function mostBlockedMs(tools: ToolSet): number {
  const timeouts = [...tools.values()].map(({ timeoutSeconds = defaultTimeoutSeconds }) => timeoutSeconds);
  return 1000 * Math.min(600, Math.max(60, ...timeouts));
}

/**
 * Speaks for this process while a handler blocks its event loop: a thread of its own beats as long as `alive` was
 * called within `mostBlockedMs`. A process that dies takes the thread with it.
 */
export class StandIn {
  private readonly lastMs = new BigInt64Array(new SharedArrayBuffer(8));
  private readonly worker: Worker;

  constructor(data: Omit<StandInData, 'lastMs'>) {
    this.alive();
    const thread = new URL(`./stand-in-thread${extname(import.meta.url)}`, import.meta.url);
    this.worker = new Worker(thread, { workerData: { ...data, lastMs: this.lastMs }, execArgv: [] });
    // Without it, a blocked process counts as dead, as it would have before.
    this.worker.on('error', () => {});
    this.worker.unref();
  }

  alive(): void {
    Atomics.store(this.lastMs, 0, BigInt(Date.now()));
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
  }
}
