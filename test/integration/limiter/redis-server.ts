import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { freePort } from '../../../src/runtime/free-port.ts';

/** A redis-server of the test's own. Without the program the test fails: a skipped one would prove nothing. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  private readonly dir: string;
  private readonly options: readonly string[];
  private child: ChildProcess | null = null;

  private constructor(port: number, dir: string, options: readonly string[]) {
    this.port = port;
    this.dir = dir;
    this.options = options;
  }

  static async start(...options: string[]): Promise<RedisServer> {
    const dir = await mkdtemp(join(tmpdir(), 'runfleet-limiter-'));
    const server = new RedisServer(await freePort(), dir, options);
    await server.up();
    return server;
  }

  async up(): Promise<void> {
    const always = ['--port', String(this.port), '--dir', this.dir, '--loglevel', 'warning'];
    const defaults = this.options.includes('--appendonly') ? [] : ['--appendonly', 'no'];
    const child = spawn('redis-server', [...always, '--save', '', ...defaults, ...this.options], {
      stdio: 'ignore',
    });
    await Promise.race([
      once(child, 'spawn'),
      once(child, 'error').then(([cause]) => {
        throw new Error('These tests need redis-server on the PATH.', { cause });
      }),
    ]);
    this.child = child;
    await using probe = disposable(this.port);
    for (;;) {
      if (await answers(probe.client)) return;
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}.`);
      await sleep(10);
    }
  }

  /** Gone at once, without saving what it had in hand. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  client(): Redis {
    const client = new Redis({ port: this.port, host: '127.0.0.1', retryStrategy: () => 50 });
    // A connection that is refused while the server is down is what some tests want.
    client.on('error', () => {});
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.dir, { recursive: true, force: true });
  }
}

function disposable(port: number): AsyncDisposable & { readonly client: Redis } {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 20 });
  client.on('error', () => {});
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.disconnect();
    },
  };
}

async function answers(client: Redis): Promise<boolean> {
  try {
    return (await client.ping()) === 'PONG';
  } catch {
    return false;
  }
}
