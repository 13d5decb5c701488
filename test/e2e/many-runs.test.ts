/** Hundreds of runs of every kind and ending over several workers: each ends once, rightly, for no more than it must cost. */

import { expect, it } from 'vitest';
import type { RunInput } from '../../src/client/index.ts';
import { defaultBackoff } from '../../src/domain/poll-schedule.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { expectedLooks } from '../support/expected-calls.ts';
import { anAssistantsRun, aResponse, Fleet, secrets } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

const prompt = 'A prompt that stands in no log.';
const backoff = { ...defaultBackoff, initialMs: 200, factor: 1.5, maxMs: 1000 };
const runs = 300;

const endings = {
  responses: ['completed', 'failed', 'incomplete', 'cancelled'],
  assistants: ['completed', 'failed', 'incomplete', 'cancelled', 'expired'],
} as const;

/** Durations from nothing to some seconds, spread evenly, so that every number of looks occurs. */
function mixedRuns(): { readonly input: RunInput; readonly ending: string }[] {
  return Array.from({ length: runs }, (_, n) => {
    const fate = {
      duration_ms: Math.round((n / runs) ** 2 * 5000),
      queue_ms: (n % 3) * 50,
      output: 'The answer.',
    };
    const kind = n % 3 === 0 ? 'assistants' : 'responses';
    const ending = endings[kind][n % endings[kind].length] ?? 'completed';
    const make = kind === 'assistants' ? anAssistantsRun : aResponse;
    return { input: make({ ...fate, ending }, prompt), ending };
  });
}

it('carries 300 mixed runs over three workers to their own end, each once, at the formula’s cost', async (test) => {
  const fleet = await Fleet.start(test, {
    redis,
    workers: 0,
    env: { RUNFLEET_BACKOFF_INITIAL_MS: '200', RUNFLEET_BACKOFF_MAX_MS: '1000' },
  });
  for (let n = 0; n < 3; n += 1) await fleet.addWorker({ RUNFLEET_METRICS_PORT: String(await freePort()) });
  const mixed = mixedRuns();
  const accepted = await fleet.client.runs.createMany(mixed.map(({ input }) => input));
  const ids = accepted.map(({ run }) => run?.id ?? '');
  expect(new Set(ids).size).toBe(runs);

  const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));

  expect(ended.map(({ status }) => status)).toEqual(mixed.map(({ ending }) => ending));
  const ledger = fleet.ledger();
  expect(ledger.duplicates).toEqual([]);
  expect(ledger.runs.map(({ runfleetId }) => String(runfleetId)).toSorted()).toEqual(ids.toSorted());
  expect(ledger.responses.open + ledger.assistants.open).toBe(0);
  // What the API tells of each run's calls is what the provider has counted.
  const counted = new Map(ledger.runs.map((run) => [run.runfleetId, sum(Object.values(run.calls))]));
  expect(ended.map(({ calls }) => calls.total)).toEqual(ids.map((id) => counted.get(id)));
  // Every worker has done a share, and counted it.
  const shares = await Promise.all(fleet.workers.map(({ metricsUrl }) => callsCounted(metricsUrl)));
  expect(Math.min(...shares)).toBeGreaterThan(0);
  expect(sum(shares)).toBe(ledger.callsTotal);
  expect(fleet.output()).not.toMatch(/"level":(50|60)/);

  // No look right after a create: the shortest run costs one look, not two.
  for (const run of ledger.runs) {
    const looks = run.calls['responses.retrieve'] ?? run.calls['runs.retrieve'] ?? 0;
    expect(looks).toBeGreaterThanOrEqual(1);
  }
  const must = sum(
    ledger.runs.map(({ createdAtMs, endedAtMs, kind, status }) => {
      const output = kind === 'assistants' && (status === 'completed' || status === 'incomplete') ? 1 : 0;
      return 1 + output + expectedLooks(backoff, (endedAtMs ?? 0) - createdAtMs);
    }),
  );
  const cost = sum(ended.map(({ calls }) => calls.total));
  expect(cost / must).toBeLessThan(1.1);
  // Looks that come late find more at once, so a busy machine spends less; a formula not kept would spend far less.
  expect(cost / must).toBeGreaterThan(0.5);

  expect(fleet.output()).not.toContain(prompt);
  for (const secret of Object.values(secrets)) expect(fleet.output()).not.toContain(secret);
  await eventually(
    'the jobs to be done',
    () => redis.client.zcard(`${fleet.prefix}:runs:completed`),
    (count) => count === runs,
  );
  for (const [, text] of await everythingIn(fleet.prefix)) {
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  }
  // The request itself is the one place for the prompt.
  const beside = (await everythingIn(fleet.prefix)).filter(([where]) => !where.endsWith(' data'));
  expect(beside.filter(([, text]) => text.includes(prompt))).toEqual([]);
});

/** All texts in Redis, each with its key and field. */
async function everythingIn(prefix: string): Promise<[string, string][]> {
  const keys = await redis.client.keys(`${prefix}:*`);
  const read = async (key: string): Promise<[string, string][]> => {
    switch (await redis.client.type(key)) {
      case 'hash':
        return Object.entries(await redis.client.hgetall(key)).map(([field, text]) => [
          `${key} ${field}`,
          text,
        ]);
      case 'string':
        return [[key, (await redis.client.get(key)) ?? '']];
      case 'stream':
        return [[key, JSON.stringify(await redis.client.xrange(key, '-', '+'))]];
      default:
        return [];
    }
  };
  return (await Promise.all(keys.map(read))).flat();
}

async function callsCounted(metricsUrl: string): Promise<number> {
  const page = await (await fetch(`${metricsUrl}/metrics`)).text();
  const values = page.matchAll(/^runfleet_api_calls_total\{[^}]*\} (\d+)$/gm);
  return sum([...values].map(([, value]) => Number(value)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
