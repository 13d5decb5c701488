/** The Redis of a test file: one server a file, one prefix a test, and nothing left behind at the end. */

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { childProcesses } from './children.ts';
import { eventually } from './eventually.ts';
import { redisBinary, type RedisServer, startRedis } from './redis-server.ts';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** A namespace that no other test of the file shares. */
  prefix(): string;
  /** A plain connection, for looking at what stands in there. */
  readonly client: Redis;
}

/** Call it first in a file: what the file leaves open is found out after everything else is closed. */
export function useRedis(start: () => Promise<RedisServer> = startRedis): TestRedis {
  let server: RedisServer | null = null;
  let client: Redis | null = null;
  let prefixes = 0;
  const running = (): RedisServer => {
    if (server === null) throw new Error('The Redis of this file runs only during its tests.');
    return server;
  };
  beforeAll(async () => {
    server = await start();
  });
  afterAll(async () => {
    client?.disconnect();
    client = null;
    try {
      await refuseLeakedConnections(running().url);
    } finally {
      await running()[Symbol.asyncDispose]();
      server = null;
    }
    await refuseLeakedProcesses();
  });
  return {
    get url() {
      return running().url;
    },
    get port() {
      return running().port;
    },
    prefix: () => `{test-${(prefixes += 1)}}`,
    get client() {
      return (client ??= quiet(running().url));
    },
  };
}

/** A client that does not print what a test does to its server. */
export function quiet(url: string): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => {});
  return client;
}

async function refuseLeakedConnections(url: string): Promise<void> {
  const admin = quiet(url);
  try {
    const own = await admin.client('ID');
    await eventually(
      'every connection to be closed',
      async () => {
        const list = String(await admin.client('LIST'))
          .trim()
          .split('\n');
        return list.filter((line) => !line.startsWith(`id=${own} `));
      },
      (left) => left.length === 0,
      { withinMs: 10_000, everyMs: 50 },
    );
  } finally {
    admin.disconnect();
  }
}

async function refuseLeakedProcesses(): Promise<void> {
  await eventually('every process to be ended', childProcesses, (left) => left.length === 0, {
    withinMs: 10_000,
    everyMs: 50,
  });
}

/**
 * For what only a server with a disk and a process of its own can show. Without one these tests are not there at all,
 * and the reason is printed: a skipped test looks like a promise.
 */
export function describeOnRealRedis(name: string, body: () => void): void {
  if (redisBinary !== null) {
    // oxlint-disable-next-line vitest/valid-title, vitest/valid-describe-callback
    describe(name, body);
    return;
  }
  process.stderr.write(`Not run: "${name}" needs redis-server or valkey-server on the PATH.\n`);
}
