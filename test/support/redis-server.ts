/** A Redis for tests: a real server where the machine has one, else the embedded one. */

import { once } from 'node:events';
import { access, constants, mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startEmbeddedRedis } from '../../src/adapters/embedded-redis/index.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { type GuardedChild, spawnGuarded } from './children.ts';

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** Null where there is none: the README promises that the tests run all the same. */
export const redisBinary: string | null = await findBinary(processEnvironment()['PATH'] ?? '');

async function findBinary(path: string): Promise<string | null> {
  for (const directory of path.split(delimiter).filter((part) => part !== '')) {
    for (const name of ['redis-server', 'valkey-server']) {
      const file = join(directory, name);
      const runs = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (runs) return file;
    }
  }
  return null;
}

export async function startRedis(): Promise<RedisServer> {
  return redisBinary === null ? await startEmbedded() : await RealRedis.start();
}

export async function startEmbedded(): Promise<RedisServer> {
  const port = await freePort();
  const embedded = await startEmbeddedRedis(port);
  return { url: embedded.url, port, [Symbol.asyncDispose]: () => embedded.stop() };
}

export type RedisSettings = Readonly<Record<string, string>>;

/** One that can be frozen, killed and started again on what it wrote. */
export class RealRedis implements RedisServer {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  private readonly settings: RedisSettings;
  private child: GuardedChild | null = null;

  private constructor(port: number, directory: string, settings: RedisSettings) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.directory = directory;
    this.settings = settings;
  }

  /** `settings`: lines of redis.conf, in place of ours or besides them. */
  static async start(settings: RedisSettings = {}): Promise<RealRedis> {
    const directory = await mkdtemp(join(tmpdir(), 'runfleet-redis-'));
    const server = new RealRedis(await freePort(), directory, settings);
    await server.up();
    return server;
  }

  async up(): Promise<void> {
    const options = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.directory,
      save: '',
      // As docker-compose.yml: what was acknowledged survives a kill.
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
      hz: '100',
      ...this.settings,
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    this.child = await spawnGuarded(redisBinary ?? 'redis-server', flags);
    await answers(this.url);
  }

  /** Gone at once, as by a crash of the machine. */
  async kill(): Promise<void> {
    await this.child?.end();
    this.child = null;
  }

  /** How much the append-only file holds. */
  async written(): Promise<number> {
    return (await stat(this.log)).size;
  }

  /** What a crash of the machine does to a file that the disk has only a part of. While the server is down. */
  async forgetAllAfter(bytes: number): Promise<void> {
    await truncate(this.log, bytes);
  }

  private get log(): string {
    return join(this.directory, 'appendonlydir', 'appendonly.aof.1.incr.aof');
  }

  /** Silent, with its connections open: as a machine that swaps, or a network that swallows. */
  freeze(): void {
    this.signal('SIGSTOP');
  }

  thaw(): void {
    this.signal('SIGCONT');
  }

  private signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.child !== null) process.kill(this.child.pid, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function answers(url: string): Promise<void> {
  const giveUpAtMs = performance.now() + 20_000;
  const probe = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  // Refused until it listens; LOADING until it has read its file.
  let last: unknown = null;
  probe.on('error', (error) => (last = error));
  try {
    for (;;) {
      const ping = probe.ping().catch((error: unknown) => (last = error));
      if ((await Promise.race([ping, sleep(1000, 'silent')])) === 'PONG') return;
      if (performance.now() > giveUpAtMs)
        throw new Error('The Redis of the tests does not answer.', { cause: last });
      await sleep(10);
    }
  } finally {
    const ended = once(probe, 'end');
    probe.disconnect();
    await ended;
  }
}
