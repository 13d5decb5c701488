/**
 * A Redis without an install: Valkey compiled to WebAssembly, in a child process, on a loopback port.
 * In memory only, some hundred jobs a second: for trying things out, demos and tests. It is young and has one author,
 * so nothing but this folder knows it.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';

export interface EmbeddedRedis {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  /** Ends the server. What it held is gone. */
  stop(): Promise<void>;
}

/** Starts one on a port that is free. Rejects when it does not come up. It ends by itself when this process dies, however it dies. */
export async function startEmbeddedRedis(port: number): Promise<EmbeddedRedis> {
  const file = new URL(`./server-process${extname(import.meta.filename)}`, import.meta.url);
  // A process of its own: interpreting Redis must not hold up our event loop, and its banner is no output of ours.
  const child = fork(file, [String(port)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const exited = once(child, 'exit');
  const first = await Promise.race([once(child, 'message'), exited.then(() => null)]);
  if (first === null) throw new Error('The embedded Redis did not start; set REDIS_URL to use another.');
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
