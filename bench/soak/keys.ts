import type { Redis } from 'ioredis';

/** What goes by itself so soon is no growth: the name of a finished tool job, kept so that it is not handed out again. */
const briefMs = 600_000;

/** How many keys there are of each sort, brief ones left out: ids, digests and tickets in a name become `*`. */
export async function keySorts(redis: Redis): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const batch of redis.scanStream({ count: 1000 })) {
    const keys: string[] = batch.map(String);
    const lives = await Promise.all(keys.map((key) => redis.pttl(key)));
    for (const [at, key] of keys.entries()) {
      const lifeMs = lives[at] ?? -1;
      if (lifeMs !== -1 && lifeMs <= briefMs) continue;
      const sort = key
        .replaceAll(/run_[0-9a-f]{32}/g, '*')
        .replaceAll(/(resp|run|thread)_[\w-]+/g, '*')
        .replaceAll(/(?<=:(idempotency|lane):).*/g, '*');
      found.set(sort, (found.get(sort) ?? 0) + 1);
    }
  }
  return found;
}

/** What there is more of than before, by sort. */
export function growth(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Map<string, number> {
  return new Map(
    [...after]
      .map(([sort, count]) => [sort, count - (before.get(sort) ?? 0)] as const)
      .filter(([, more]) => more > 0),
  );
}
