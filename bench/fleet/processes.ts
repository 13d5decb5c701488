/** Whole processes of a fleet, for benchmarks: started, watched, ended. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '../../src/config/index.ts';

const bin = fileURLToPath(new URL('../../bin/runfleet.js', import.meta.url));

export type Role = 'api' | 'runs' | 'tools' | 'callbacks';

export class FleetProcesses implements AsyncDisposable {
  /** By role and number, such as `runs 1`. */
  readonly children: ReadonlyMap<string, ChildProcess>;
  readonly apiUrl: string;

  private constructor(children: ReadonlyMap<string, ChildProcess>, apiUrl: string) {
    this.children = children;
    this.apiUrl = apiUrl;
  }

  /** Resolves once all of them work. */
  static async start(roles: readonly Role[], env: Record<string, string>): Promise<FleetProcesses> {
    const children = new Map(
      roles.map((role, at) => [
        `${role} ${roles.slice(0, at + 1).filter((other) => other === role).length}`,
        spawn(process.execPath, [bin, role], {
          env: {
            PATH: processEnvironment()['PATH'],
            // Such as `--max-semi-space-size=16`.
            NODE_OPTIONS: processEnvironment()['NODE_OPTIONS'] ?? '',
            RUNFLEET_PORT: '0',
            RUNFLEET_LOG_LEVEL: 'error',
            ...env,
          },
          stdio: ['ignore', 'pipe', 'inherit'],
        }),
      ]),
    );
    const urls = await Promise.all([...children.values()].map(ready));
    return new FleetProcesses(children, urls.find((url) => url !== '') ?? '');
  }

  /** Resident memory of each, MB. */
  async residentMb(): Promise<Record<string, number>> {
    const entries = await Promise.all(
      [...this.children].map(async ([name, { pid }]) => [name, await residentMbOf(pid ?? 0)] as const),
    );
    return Object.fromEntries(entries);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.children.values()].filter((child) => child.exitCode === null);
    for (const child of open) child.kill('SIGKILL');
    await Promise.all(open.map((child) => once(child, 'exit')));
  }
}

/** Linux says it in `/proc`. */
async function residentMbOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Resolves with the URL of its API, or with none, once it works. */
async function ready(child: ChildProcess): Promise<string> {
  let url = '';
  if (child.stdout === null) throw new Error('The process has no output.');
  for await (const line of createInterface(child.stdout)) {
    url = /^API: (\S+)/.exec(line)?.[1] ?? url;
    if (line.endsWith(': ready')) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error('A process of the benchmark ended before it was ready.');
}
