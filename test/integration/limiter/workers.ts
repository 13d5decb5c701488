import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { LoadOptions, LoadReport } from './load-worker.ts';

const script = fileURLToPath(new URL('load-worker.ts', import.meta.url));

/** Worker processes of a test; none outlives it. */
export class Workers implements AsyncDisposable {
  private readonly children: { readonly process: ChildProcess; output: string }[] = [];

  start(options: LoadOptions): void {
    const child = spawn(process.execPath, [script, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const entry = { process: child, output: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      entry.output += chunk.toString();
    });
    this.children.push(entry);
  }

  /** As the kernel does when memory runs out: nothing is given back. */
  async kill(at: number): Promise<void> {
    const child = this.children[at]?.process;
    if (child === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Ends those that live in good order; their reports. */
  async stop(): Promise<LoadReport[]> {
    const alive = this.children.filter(
      ({ process: child }) => child.exitCode === null && child.signalCode === null,
    );
    await Promise.all(
      alive.map(async ({ process: child }) => {
        child.kill('SIGTERM');
        await once(child, 'close');
      }),
    );
    return alive.map(({ output }): LoadReport => JSON.parse(output));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process: child } of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
}

/** Waits for a state; the test's own timeout is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5);
}
