import type { HelperQueues } from './queues.ts';

/** A connection for looking at Redis, and nothing else. */

export interface RedisProbe {
  /** The text of `INFO`. */
  info(): Promise<string>;
  /** A line of its configuration; null where it may not be asked for, as at most providers. */
  setting(name: string): Promise<string | null>;
  /** The server's clock, in milliseconds since the epoch. */
  timeMs(): Promise<number>;
  /** What waits in the queues of tools and callbacks of this fleet. */
  helperQueues(prefix: string): Promise<HelperQueues>;
  close(): void;
}

/** Redis does not answer, or not to us. The message never holds a password. */
class RedisProbeError extends Error {
  override readonly name = 'RedisProbeError';
}

const patienceMs = 5000;
/** Of those that wait; the others are of the same tools, or nearly. */
const mostCalls = 500;

/** Connects, and fails within seconds. Throws `RedisProbeError`, and `RedisUrlError` for an address of no known form. */
export async function connectRedisProbe(url: string): Promise<RedisProbe> {
  const { connectRedis } = await import('../../adapters/redis-sdk/client.ts');
  const { waitingTools } = await import('../../adapters/tools/waiting.ts');
  const client = connectRedis(url, 'prompt');
  // What a command fails with says little ("Connection is closed"); the reason comes as an event.
  let reason: Error | null = null;
  client.on('error', (error: Error) => (reason = error));
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
  try {
    await Promise.race([client.ping(), timeout.promise]);
  } catch (error) {
    client.disconnect();
    throw new RedisProbeError(textOf(reason ?? error), { cause: reason ?? error });
  } finally {
    clearTimeout(timer);
  }
  return {
    info: () => client.info(),
    async setting(name) {
      const found: unknown = await client.config('GET', name).catch(() => null);
      const value: unknown = Array.isArray(found) ? found[1] : null;
      return typeof value === 'string' ? value : null;
    },
    async timeMs() {
      const [seconds, microseconds] = await client.time();
      return Number(seconds) * 1000 + Number(microseconds) / 1000;
    },
    async helperQueues(prefix) {
      const of = (list: string): string => `${prefix}:callbacks:${list}`;
      const [tools, waiting, delayed] = await Promise.all([
        waitingTools(client, prefix, Date.now(), mostCalls),
        client.llen(of('wait')),
        client.zcard(of('delayed')),
      ]);
      return { tools, callbacks: waiting + delayed };
    },
    close: () => client.disconnect(),
  };
}

/** Some errors of Node have a code and no message. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return 'code' in error ? String(error.code) : error.name;
}
