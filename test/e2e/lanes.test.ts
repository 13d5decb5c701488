/** Runs of one lane: one at a time, in order, whatever happens to workers and to the runs before. */

import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const lanes = 4;
const runsALane = 6;

/** The first gives the time to kill a worker; every third fails, the fifth is over only by its deadline. */
function fate(n: number) {
  if (n === 4) return { ...aResponse({ duration_ms: 600_000 }), deadline_seconds: 15 };
  return aResponse({ duration_ms: n === 0 ? 3000 : 300, ...(n % 3 === 2 ? { ending: 'failed' } : {}) });
}

describe('lanes', () => {
  it('go one at a time and in order, through failures, deadlines, cancels and the death of a worker', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 2 });
    const inputs = Array.from({ length: lanes * runsALane }, (_, n) => ({
      ...fate(Math.floor(n / lanes)),
      lane: `lane-${n % lanes}`,
    }));
    const accepted = await fleet.client.runs.createMany(inputs);
    const ids = accepted.map(({ run }) => run?.id ?? '');
    // One that waits is cancelled: it must leave its lane without having had its turn.
    const cancelled = ids[3 * lanes] ?? '';
    await fleet.client.runs.cancel(cancelled);
    await eventually(
      'a run of each lane to be under way',
      () => Promise.all(ids.slice(0, lanes).map((id) => fleet.client.runs.get(id))),
      (firsts) => firsts.every(({ provider_run_id }) => provider_run_id !== null),
    );
    await fleet.workers[0]?.kill();

    const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));

    expect(ended.find(({ id }) => id === cancelled)).toMatchObject({
      status: 'cancelled',
      calls: { total: 0 },
    });
    const ledger = fleet.ledger();
    expect(ledger.duplicates).toEqual([]);
    expect(ledger.runs).toHaveLength(ended.filter(({ calls }) => calls.create > 0).length);
    const byRun = new Map(ledger.runs.map((run) => [run.runfleetId, run]));
    for (let lane = 0; lane < lanes; lane += 1) {
      const inOrder = ids.filter((_, n) => n % lanes === lane).flatMap((id) => byRun.get(id) ?? []);
      for (const [at, run] of inOrder.slice(1).entries()) {
        const before = inOrder[at];
        expect(run.createdAtMs).toBeGreaterThanOrEqual(before?.endedAtMs ?? Infinity);
      }
    }
    expect(await redis.client.keys(`${fleet.prefix}:lane:*`)).toEqual([]);
  });

  it('makes one thread a lane: its runs follow each other and the provider never has to refuse one', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 2 });
    const threadId = await fleet.newThread();
    const request = { assistant_id: 'asst_1', thread_id: threadId, metadata: { sim_duration_ms: '200' } };
    const accepted = await fleet.client.runs.createMany(
      Array.from({ length: 5 }, () => ({ kind: 'assistants' as const, request })),
    );
    const ended = await Promise.all(accepted.map(({ run }) => fleet.client.runs.wait(run?.id ?? '')));
    expect(ended.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'completed'));
    expect(ended.map(({ calls }) => calls.create)).toEqual([1, 1, 1, 1, 1]);
  });
});
