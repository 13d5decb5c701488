/** Workers die, hang and are told to go, in the middle of their work: nothing is lost, nothing is done twice. */

import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const runs = 60;
const lookMs = 800;
/** Of the fleet's backoff. */
const longestGapMs = 1000;
/** Runs must be going still when all of them are created, however slow this machine is. */
const longMs = 15_000;

/** Runs that are over at the provider some seconds from now, all created, and looked at by calls that take their time. */
async function underWay(fleet: Fleet): Promise<string[]> {
  const inputs = Array.from({ length: runs }, (_, n) =>
    (n % 2 === 0 ? aResponse : anAssistantsRun)({ duration_ms: longMs + n * 10 }),
  );
  const accepted = await fleet.client.runs.createMany(inputs);
  const ids = accepted.map(({ run }) => run?.id ?? '');
  await eventually(
    'all runs to be created, and their creates answered',
    // Each run asked for itself: two lists are two moments, and a run can slip from one to the other between them.
    async () => {
      const views = await Promise.all(ids.map((id) => fleet.client.runs.get(id)));
      return views.filter(({ provider_run_id }) => provider_run_id === null);
    },
    (uncreated) => uncreated.length === 0,
  );
  return ids;
}

/** Steps in hand, of all workers together. */
async function active(fleet: Fleet): Promise<number> {
  return await redis.client.llen(`${fleet.prefix}:runs:active`);
}

function looks({ calls }: { readonly calls: Readonly<Record<string, number>> }): number {
  return (calls['responses.retrieve'] ?? 0) + (calls['runs.retrieve'] ?? 0);
}

describe.concurrent('a fleet', () => {
  it('takes over from a worker that was killed, within ten seconds, and does nothing twice', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 3 });
    const slow = { type: 'slow', delayMs: lookMs } as const;
    fleet.simulator.setFaults({
      rules: [
        { operation: 'responses.retrieve', fault: slow },
        { operation: 'runs.retrieve', fault: slow },
      ],
    });
    const ids = await underWay(fleet);
    await eventually(
      'many steps in hand',
      () => active(fleet),
      (count) => count > runs / 3,
    );
    const [first] = fleet.workers;
    await first?.kill();
    const killedAtMs = Date.now();
    const left = await active(fleet);
    expect(left).toBeGreaterThan(0);
    const before = new Map(fleet.ledger().runs.map((run) => [run.id, looks(run)]));
    await eventually(
      'every run to be looked at twice, since the dead one may have had a look out',
      () => fleet.ledger().runs,
      (all) =>
        all.every((run) => run.endedAtMs !== null || looks(run) >= (before.get(run.id) ?? Infinity) + 2),
    );
    // The lock's time and two checks; then the looks, and the gap between them.
    expect(Date.now() - killedAtMs).toBeLessThan(10_000 + 2 * (lookMs + longestGapMs));

    const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));

    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
    const ledger = fleet.ledger();
    expect(ledger.duplicates).toEqual([]);
    expect(ledger.runs).toHaveLength(runs);
  });

  it('finds the run again whose create was out when its worker was killed', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 2 });
    const threadId = await fleet.newThread();
    fleet.simulator.setFaults({
      rules: [{ operation: 'runs.create', fault: { type: 'slow', delayMs: 30_000 }, next: 1 }],
    });
    const run = await fleet.client.runs.create({
      kind: 'assistants',
      request: { assistant_id: 'asst_1', thread_id: threadId, metadata: { sim_duration_ms: '1500' } },
    });
    await eventually(
      'the create to be out',
      () => fleet.ledger().assistants.created,
      (count) => count === 1,
    );
    // Whichever of them it was: the other one is started afresh.
    for (const worker of fleet.workers) await worker.kill();
    await fleet.addWorker();

    const ended = await fleet.client.runs.wait(run.id);

    expect(ended).toMatchObject({ status: 'completed', calls: { create: 1 } });
    expect(fleet.ledger().assistants.created).toBe(1);
    expect(fleet.ledger().runs[0]?.id).toBe(ended.provider_run_id);
  });

  it('ends each worker cleanly on SIGTERM, under load, and loses nothing', async (test) => {
    const fleet = await Fleet.start(test, {
      redis,
      workers: 2,
      simulator: { latencyMs: { type: 'fixed', ms: 300 } },
    });
    const ids = await underWay(fleet);
    const leaving = [...fleet.workers];
    await eventually(
      'steps in hand',
      () => active(fleet),
      (count) => count > 5,
    );
    await fleet.addWorker();
    for (const worker of leaving) worker.signal('SIGTERM');
    const toldAtMs = performance.now();
    // New work comes all the while.
    const more = await fleet.client.runs.createMany(
      Array.from({ length: 20 }, () => aResponse({ duration_ms: 500 })),
    );
    for (const worker of leaving) {
      const exit = await worker.exited;
      expect(exit).toEqual({ code: 0, signal: null });
    }
    expect(performance.now() - toldAtMs).toBeLessThan(25_000);

    const all = [...ids, ...more.map(({ run }) => run?.id ?? '')];
    const ended = await Promise.all(all.map((id) => fleet.client.runs.wait(id)));

    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
    const ledger = fleet.ledger();
    expect(ledger.duplicates).toEqual([]);
    expect(ledger.runs).toHaveLength(all.length);
    // What it had in hand it has finished: nobody had to take anything over.
    for (const { stderr } of leaving) expect(stderr).not.toMatch(/"level":(50|60)/);
    const stalls = await Promise.all(all.map((id) => redis.client.hget(`${fleet.prefix}:runs:${id}`, 'stc')));
    expect(stalls.filter((count) => count !== null)).toEqual([]);
  });

  it('ends a worker within 25 s whose provider keeps it waiting for longer', async (test) => {
    const fleet = await Fleet.start(test, { redis });
    fleet.simulator.setFaults({
      rules: [{ operation: 'responses.create', fault: { type: 'slow', delayMs: 120_000 } }],
    });
    await fleet.client.runs.create(aResponse({}));
    await eventually(
      'the create to be out',
      () => fleet.ledger().responses.created,
      (count) => count === 1,
    );
    const [worker] = fleet.workers;
    worker?.signal('SIGTERM');
    const toldAtMs = performance.now();
    expect(await worker?.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - toldAtMs).toBeLessThan(25_000);
  });
});
