/** A 429 pauses everybody: what one worker is told, all of them heed. */

import { expect, it, onTestFinished } from 'vitest';
import { aResponse } from '../support/fleet.ts';
import { LocalFleet } from '../support/local-fleet.ts';
import { recorder } from '../support/recorder.ts';
import { useRedis } from '../support/redis.ts';
import { required } from '../support/required.ts';
import { startSimulator } from '../../src/simulator/index.ts';

const redis = useRedis();
const pauseMs = 3000;
/** What was on its way when the 429 came, and the message to the other worker. */
const underWayMs = 500;

it('with Retry-After: nobody calls before it is over, and then everything goes on', async () => {
  const target = await startSimulator({ queueDurations: { type: 'fixed', ms: 0 } });
  onTestFinished(() => target.close());
  const wire = await recorder(target.baseUrl);
  onTestFinished(() => wire[Symbol.asyncDispose]());
  const fleet = await LocalFleet.start({ redis, workers: 2, baseUrl: () => wire.baseUrl });
  const inputs = Array.from({ length: 30 }, (_, n) => aResponse({ duration_ms: 1000 + n * 20 }));
  const accepted = await fleet.client.runs.createMany(inputs);
  target.setFaults({
    rules: [
      {
        operation: 'responses.retrieve',
        fault: { type: 'http_error', status: 429, retryAfterMs: pauseMs },
        next: 1,
      },
    ],
  });
  // New work during the pause is accepted, and waits.
  const ended = await Promise.all(accepted.map(({ run }) => fleet.client.runs.wait(run?.id ?? '')));
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));

  const refused = wire.calls.findIndex(({ status }) => status === 429);
  const throttled = required(wire.calls[refused]);
  const [fromMs, untilMs] = [throttled.atMs + underWayMs, throttled.atMs + pauseMs];
  const within = wire.calls.filter(({ atMs }) => atMs > fromMs && atMs < untilMs);
  expect(within).toEqual([]);
  expect(wire.calls.some(({ atMs }) => atMs >= untilMs)).toBe(true);
  expect(wire.calls.some(({ atMs }) => atMs < throttled.atMs)).toBe(true);
  expect(target.ledger().throttled).toBe(1);
});

it('without Retry-After: the one that was refused comes back later, and the others go on', async () => {
  const fleet = await LocalFleet.start({ redis, workers: 2 });
  fleet.simulator.setFaults({
    rules: [{ operation: 'responses.create', fault: { type: 'http_error', status: 429 }, next: 1 }],
  });
  const runs = await Promise.all(
    [0, 1, 2].map(() => fleet.client.runs.createAndWait(aResponse({ duration_ms: 0 }))),
  );
  expect(runs.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
  expect(fleet.simulator.ledger().responses.created).toBe(3);
});
