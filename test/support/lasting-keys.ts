import type { RedisClient } from '../../src/adapters/redis-sdk/client.ts';

/** The keys that will not go by themselves. */
export async function lastingKeys(
  client: Pick<RedisClient, 'keys' | 'pttl'>,
  pattern: string,
): Promise<string[]> {
  const keys = await client.keys(pattern);
  const lives = await Promise.all(keys.map((key) => client.pttl(key)));
  return keys.filter((_, at) => lives[at] === -1);
}
