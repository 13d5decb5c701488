/** The Redis to use: the one that is configured, else one found on the PATH, else the embedded one. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { startEmbeddedRedis } from '../adapters/embedded-redis/index.ts';
import { freePort } from './free-port.ts';

export interface RedisServer {
  readonly url: string;
  /** One line for people: which one it is, and what that means. Never contains a password. */
  readonly description: string;
  /** The embedded one can stand still for seconds while it warms up: locks must outlast that. */
  readonly slow: boolean;
  stop(): Promise<void>;
}

const binaries = ['redis-server', 'valkey-server'] as const;
const volatile =
  'It forgets everything when this process ends; set REDIS_URL to keep runs and to share them.';

export async function provideRedis(redisUrl: string | null, path: string): Promise<RedisServer> {
  if (redisUrl !== null) {
    return {
      url: redisUrl,
      description: 'Redis: as REDIS_URL says',
      slow: false,
      stop: () => Promise.resolve(),
    };
  }
  const binary = await findBinary(path);
  if (binary !== null) return await startBinary(binary);
  const embedded = await startEmbeddedRedis(await freePort());
  return {
    ...embedded,
    slow: true,
    description: `Redis: embedded (Valkey in WebAssembly), ${embedded.url}. ${volatile}`,
  };
}

async function findBinary(path: string): Promise<string | null> {
  for (const directory of path.split(delimiter).filter((part) => part !== '')) {
    for (const binary of binaries) {
      const file = join(directory, binary);
      if (
        await access(file, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return file;
    }
  }
  return null;
}

/** Ends the server when its standard input closes: also when this process is killed, and cannot say so itself. */
const guard = '"$@" & cat > /dev/null; kill $!; wait $!';

async function startBinary(binary: string): Promise<RedisServer> {
  const port = await freePort();
  const options = {
    port: String(port),
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    // Delayed jobs fire late by the server's tick: 10 ms instead of 100.
    hz: '100',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn('sh', ['-c', guard, 'sh', binary, ...flags], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A Ctrl-C is for us: Redis goes last.
    detached: true,
  });
  const exited = once(child, 'exit');
  const url = `redis://127.0.0.1:${port}`;
  await Promise.race([
    answers(url),
    exited.then(() => {
      throw new Error(`${binary} did not start; set REDIS_URL to use another Redis.`);
    }),
  ]);
  return {
    url,
    description: `Redis: ${binary}, started by us, ${url}. ${volatile}`,
    slow: false,
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

async function answers(url: string): Promise<void> {
  const probe = new Redis(url, { lazyConnect: false, maxRetriesPerRequest: null, retryStrategy: () => 20 });
  // Refused until the server listens; the retries are what we wait for.
  probe.on('error', () => {});
  await probe.ping();
  probe.disconnect();
}
