import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { start } from '../../src/runtime/index.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

it('an API process that is told to stop is not held by a caller that asks on and on over its old connections', async () => {
  const env = {
    REDIS_URL: redis.url,
    RUNFLEET_PREFIX: redis.prefix(),
    OPENAI_API_KEY: 'sk-local',
    RUNFLEET_PORT: '0',
    RUNFLEET_LOG_LEVEL: 'silent',
  };
  const api = await start('api', { env, print: () => {} });
  let answers = 0;
  const ask = async (): Promise<void> => {
    for (;;) {
      await (await fetch(`${api.urls.api}/healthz`)).text();
      answers += 1;
    }
  };
  // Each ends when it is refused.
  const callers = Promise.allSettled(Array.from({ length: 8 }, ask));
  await eventually(
    'the callers to be at it',
    () => answers,
    (count) => count > 100,
  );
  // What it would otherwise take is its deadline of 24 s.
  const stopped = await Promise.race([api.stop().then(() => 'stopped'), sleep(15_000, 'late')]);
  expect(stopped).toBe('stopped');
  await callers;
});
