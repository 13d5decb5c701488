/** A connection for looking at Redis, and nothing else. */

export interface RedisProbe {
  /** The text of `INFO`. */
  info(): Promise<string>;
  /** The server's clock, in milliseconds since the epoch. */
  timeMs(): Promise<number>;
  close(): void;
}

/** Redis does not answer, or not to us. The message never holds a password. */
class RedisProbeError extends Error {
  override readonly name = 'RedisProbeError';
}

const patienceMs = 5000;

/** Connects, and fails within seconds. Throws `RedisProbeError`, and `RedisUrlError` for an address of no known form. */
export async function connectRedisProbe(url: string): Promise<RedisProbe> {
  const { connectRedis } = await import('../../adapters/redis-sdk/client.ts');
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
    async timeMs() {
      const [seconds, microseconds] = await client.time();
      return Number(seconds) * 1000 + Number(microseconds) / 1000;
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
