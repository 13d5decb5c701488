import { expect, test } from 'vitest';
import { DurationModel } from '../../../src/domain/polling/duration-model.ts';
import { durationList } from '../../../src/domain/wire/durations.ts';
import { startApp } from '../../support/http/test-app.ts';

async function learnt() {
  const app = await startApp();
  const model = new DurationModel();
  for (let n = 0; n < 200; n += 1) {
    const untilMs = 8000 + 20 * ((n * 37) % 200);
    const chain = ['responses|m=gpt-5', 'responses'] as const;
    await app.durations.add(
      model.observe(chain, { type: 'ended', seenMs: 0, afterMs: untilMs - 10, untilMs }),
    );
  }
  return app;
}

test('durations come by class, with quantiles and a histogram', async () => {
  const app = await learnt();
  const answer = await app.call('GET', '/v1/durations');
  const { data } = durationList.parse(await answer.json());
  expect(data.map((one) => [one.class, one.runs])).toEqual([
    ['responses|m=gpt-5', 200],
    ['responses', 200],
  ]);
  const [one] = data;
  expect(one?.p50_seconds).toBeGreaterThan(9.5);
  expect(one?.p50_seconds).toBeLessThan(10.5);
  expect(one?.p10_seconds).toBeLessThan(one?.p50_seconds ?? 0);
  expect(one?.p99_seconds).toBeGreaterThan(one?.p90_seconds ?? 0);
  const shares = one?.histogram.reduce((sum, { share }) => sum + share, 0) ?? 0;
  expect(shares).toBeGreaterThan(0.97);
  expect(shares).toBeLessThanOrEqual(1);
});

test('durations are limited, and empty where nothing was learnt', async () => {
  const app = await learnt();
  const one = durationList.parse(await (await app.call('GET', '/v1/durations?limit=1')).json());
  expect(one.data).toHaveLength(1);
  expect((await app.call('GET', '/v1/durations?limit=0')).status).toBe(400);
  const empty = await startApp();
  expect(await (await empty.call('GET', '/v1/durations')).json()).toEqual({ object: 'list', data: [] });
});

test('durations say so when Redis is away', async () => {
  const app = await startApp();
  app.durations.unavailable = true;
  expect((await app.call('GET', '/v1/durations')).status).toBe(503);
});
