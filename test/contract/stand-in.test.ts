/** The thread that speaks for a tools worker whose event loop is blocked. */

import { expect, it, onTestFinished } from 'vitest';
import { toolKeys } from '../../src/adapters/tools/keys.ts';
import { mostBlockedMs, StandIn } from '../../src/adapters/tools/stand-in.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

it('says that it lives while the loop stands still, but not for longer than that may be', async () => {
  const { workers, served } = toolKeys(redis.prefix());
  const limits = { aliveMs: 600, servedMs: 60_000, mostBlockedMs: 3000 };
  // Nobody calls `alive` afterwards: what a blocked loop looks like from there.
  const standIn = new StandIn({ redisUrl: redis.url, workers, served, id: 'blocked', ...limits });
  onTestFinished(() => standIn.stop());
  const until = (): Promise<string | null> => redis.client.zscore(workers, 'blocked');
  const first = await eventually('a first beat', until, (score) => score !== null);
  await eventually('it to be renewed', until, (score) => Number(score) > Number(first));
  expect(await eventually('it to be over', until, (score) => score === null)).toBeNull();
});

const handler = (): string => '';

it.each([
  [[1, 30], 60],
  [[undefined], 300],
  [[30, undefined, 400], 400],
  [[86_400], 600],
])('lets a loop with tools of %j s be blocked for %i s', (timeouts, seconds) => {
  const tools = timeouts.map(
    (timeoutSeconds, at): [string, { handler: () => string; timeoutSeconds?: number }] => [
      String(at),
      { handler, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) },
    ],
  );
  expect(mostBlockedMs(new Map(tools))).toBe(seconds * 1000);
});
