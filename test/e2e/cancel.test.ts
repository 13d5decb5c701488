/** Deadlines and cancels, in every state that a run can be in: over HTTP and by the command line. */

import { beforeAll, describe, expect, it } from 'vitest';
import type { RunInput, RunView } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet } from '../support/fleet.ts';
import { fileLifetime, runfleet } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { required } from '../support/required.ts';

const redis = useRedis();
const lifetime = fileLifetime();
let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start(lifetime, { redis });
});

const hourMs = 3_600_000;
const kinds = { responses: aResponse, assistants: anAssistantsRun } as const;
type Kind = keyof typeof kinds;
const both = ['responses', 'assistants'] as const;

async function start(input: RunInput): Promise<RunView> {
  return await fleet.client.runs.create(input);
}

/** Waits until the caller sees this status. */
async function reaches(run: RunView, status: string): Promise<RunView> {
  return await eventually(
    `${run.id} to be ${status}`,
    () => fleet.client.runs.get(run.id),
    (seen) => seen.status === status,
  );
}

const cancelOf = (kind: Kind): 'responses.cancel' | 'runs.cancel' =>
  kind === 'responses' ? 'responses.cancel' : 'runs.cancel';

/** What the provider knows of a run. */
function atProvider(run: RunView) {
  const found = fleet.ledger().runs.filter(({ runfleetId }) => runfleetId === run.id);
  expect(found).toHaveLength(1);
  return required(found[0]);
}

/** Each status that a run can stay in, and how. */
function openFates(kind: Kind) {
  return [
    { kind, status: 'queued', fate: { queue_ms: hourMs, duration_ms: hourMs } },
    { kind, status: 'in_progress', fate: { queue_ms: 0, duration_ms: hourMs } },
    ...(kind === 'assistants'
      ? [{ kind, status: 'requires_action', fate: { ending: 'tools', duration_ms: 0 } }]
      : []),
  ];
}

describe('before the create', () => {
  it('ends a run that no worker has taken up yet without a single call', async (test) => {
    const idle = await Fleet.start(test, { redis, workers: 0 });
    const cancelled = await idle.client.runs.create(aResponse({}));
    const late = await idle.client.runs.create({ ...anAssistantsRun({}), deadline_seconds: 0.1 });
    await expect(idle.client.runs.cancel(cancelled.id)).resolves.toMatchObject({ status: 'accepted' });
    const { accepted_at } = late;
    await eventually('the deadline', Date.now, (nowMs) => nowMs > Date.parse(accepted_at) + 100);
    await idle.addWorker();

    await expect(idle.client.runs.wait(cancelled.id)).resolves.toMatchObject({
      status: 'cancelled',
      error: { code: 'cancelled', retryable: false },
      calls: { total: 0 },
    });
    await expect(idle.client.runs.wait(late.id)).resolves.toMatchObject({
      status: 'timed_out',
      error: { code: 'deadline_exceeded', retryable: true },
      calls: { total: 0 },
    });
    expect(idle.ledger().callsTotal).toBe(0);
  });
});

it('times out in every state, and cancels at the provider', async () => {
  const fates = both.flatMap((kind) => openFates(kind));
  const runs = await Promise.all(
    fates.map(({ kind, fate }) => start(Object.assign(kinds[kind](fate), { deadline_seconds: 4 }))),
  );
  await Promise.all(fates.map(({ status }, at) => reaches(required(runs[at]), status)));
  for (const run of runs) {
    const ended = await fleet.client.runs.wait(run.id);
    expect(ended).toMatchObject({
      status: 'timed_out',
      error: { code: 'deadline_exceeded', retryable: true },
      calls: { create: 1, cancel: 1 },
    });
    expect(Date.parse(ended.detected_at ?? '')).toBeGreaterThanOrEqual(Date.parse(run.accepted_at) + 4000);
    expect(atProvider(run)).toMatchObject({ status: 'cancelled' });
  }
});

describe.each(both)('%s', (kind) => {
  const make = kinds[kind];
  it.each(openFates(kind))('are cancelled while $status, at the provider too', async ({ status, fate }) => {
    const run = await start(make(fate));
    await reaches(run, status);
    await fleet.client.runs.cancel(run.id);
    // A second one changes nothing.
    await fleet.client.runs.cancel(run.id);
    await expect(fleet.client.runs.wait(run.id)).resolves.toMatchObject({
      status: 'cancelled',
      error: { retryable: false },
      calls: { create: 1, cancel: 1 },
    });
    expect(atProvider(run)).toMatchObject({ status: 'cancelled', calls: { [cancelOf(kind)]: 1 } });
  });

  it('are cancelled while their create is out', async () => {
    const operation = kind === 'responses' ? 'responses.create' : 'runs.create_with_thread';
    fleet.simulator.setFaults({ rules: [{ operation, fault: { type: 'slow', delayMs: 1000 }, next: 1 }] });
    const run = await start(make({ duration_ms: hourMs }));
    await reaches(run, 'creating');
    await fleet.client.runs.cancel(run.id);
    await expect(fleet.client.runs.wait(run.id)).resolves.toMatchObject({
      status: 'cancelled',
      calls: { create: 1, cancel: 1 },
    });
    expect(atProvider(run)).toMatchObject({ status: 'cancelled' });
  });

  it('are cancelled during a slow look', async () => {
    const run = await start(make({ queue_ms: 0, duration_ms: hourMs }));
    await reaches(run, 'in_progress');
    const operation = kind === 'responses' ? 'responses.retrieve' : 'runs.retrieve';
    fleet.simulator.setFaults({ rules: [{ operation, fault: { type: 'slow', delayMs: 1000 }, next: 1 }] });
    await eventually(
      'the look to be under way',
      () => fleet.simulator.faults().rules[0]?.next,
      (left) => left === 0,
    );
    await fleet.client.runs.cancel(run.id);
    await expect(fleet.client.runs.wait(run.id)).resolves.toMatchObject({
      status: 'cancelled',
      calls: { create: 1, cancel: 1 },
    });
    expect(atProvider(run)).toMatchObject({ status: 'cancelled' });
  });

  it('stay finished when they were cancelled after their end', async () => {
    const run = await start(make({ duration_ms: 0 }));
    const ended = await fleet.client.runs.wait(run.id);
    await expect(fleet.client.runs.cancel(run.id)).resolves.toEqual(ended);
    await expect(fleet.client.runs.get(run.id)).resolves.toEqual(ended);
    expect(ended).toMatchObject({ status: 'completed', calls: { cancel: 0 } });
  });

  it.each(['cancel', 'deadline'])(
    'stay finished when they were over before the %s reached them',
    async (by) => {
      // After its first look the worker does not look again, so that only the cancel or the deadline can find the end.
      fleet.simulator.configure({ pollAfterMs: hourMs });
      const run = await start({
        ...make({ queue_ms: 0, duration_ms: 1000 }),
        deadline_seconds: by === 'cancel' ? 600 : 3,
      });
      await eventually(
        'its end at the provider',
        () => atProviderStatus(run),
        (status) => status === 'completed',
      );
      fleet.simulator.configure({ pollAfterMs: null });
      if (by === 'cancel') await fleet.client.runs.cancel(run.id);
      const ended = await fleet.client.runs.wait(run.id);
      expect(ended).toMatchObject({ status: 'completed', error: null, calls: { create: 1 } });
      // None where the machine is so slow that the first look found the end.
      expect(ended.calls.cancel).toBeLessThanOrEqual(1);
      expect(ended.output_text).toMatch(/./);
    },
  );
});

function atProviderStatus(run: RunView): string | undefined {
  return fleet.ledger().runs.find(({ runfleetId }) => runfleetId === run.id)?.status;
}

describe('the command line', () => {
  it('cancels runs, says of those that are over that they are, and of others that there are none', async (test) => {
    const open = await start(aResponse({ queue_ms: 0, duration_ms: hourMs }));
    const over = await start(aResponse({ duration_ms: 0 }));
    await fleet.client.runs.wait(over.id);
    await reaches(open, 'in_progress');
    const result = await runfleet(test, ['cancel', open.id, over.id, 'run_nobody', '--json'], fleet.cliEnv);
    expect(result.code).toBe(1);
    const lines = result.stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toMatchObject([
      { id: open.id, run: { id: open.id } },
      { id: over.id, run: { status: 'completed' } },
      { id: 'run_nobody', error: { status: 404 } },
    ]);
    await expect(fleet.client.runs.wait(open.id)).resolves.toMatchObject({ status: 'cancelled' });
    expect(atProvider(open)).toMatchObject({ status: 'cancelled' });
  });
});
