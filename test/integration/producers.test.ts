/** Producers that speak BullMQ alone, and what a run leaves in Redis. */

import { QueueEvents } from 'bullmq';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse } from '../support/fleet.ts';
import { LocalFleet } from '../support/local-fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

async function keysOf(prefix: string): Promise<string[]> {
  return (await redis.client.keys(`${prefix.replace('{', '\\{')}:*`)).toSorted();
}

describe('a foreign producer', () => {
  it('adds a job by the schema: it runs, is listed, and its result is the run', async () => {
    const fleet = await LocalFleet.start({ redis });
    const queue = fleet.queue();
    const events = new QueueEvents('runs', { connection: { url: redis.url }, prefix: fleet.prefix });
    onTestFinished(() => events.close());
    const { kind, request } = aResponse({ duration_ms: 200, output: 'Forty-two.' });
    const job = await queue.add('anything', { v: 1, kind, request, label: 'foreign' });
    expect(job.id).toMatch(/^\d+$/);

    const result: unknown = await job.waitUntilFinished(events);

    const run = await fleet.client.runs.get(job.id ?? '');
    expect(run).toMatchObject({
      status: 'completed',
      output_text: 'Forty-two.',
      label: 'foreign',
      calls: { create: 1 },
    });
    expect(result).toEqual(run);
    const acceptedMs = Date.parse(run.accepted_at);
    expect(acceptedMs).toBe(job.timestamp);
    const { data } = await fleet.client.runs.list({ status: 'completed' });
    expect(data.map(({ id }) => id)).toEqual([job.id]);
    await expect(fleet.client.runs.list({})).resolves.toMatchObject({ data: [{ id: job.id }] });
  });

  it.each([
    ['an id of its own', {}, { jobId: 'mine-1' }],
    ['a delay', {}, { delay: 200 }],
    ['a priority', {}, { priority: 10 }],
    ['the time of acceptance', { accepted_at: new Date().toISOString() }, {}],
    ['several attempts', {}, { attempts: 3 }],
  ])('may give %s', async (_name, data, options) => {
    const fleet = await LocalFleet.start({ redis });
    const { kind, request } = aResponse({ duration_ms: 300 });
    const job = await fleet.queue().add('anything', { kind, request, ...data }, options);
    await expect(fleet.client.runs.wait(job.id ?? '', { timeoutSeconds: 20 })).resolves.toMatchObject({
      status: 'completed',
    });
    await expect(fleet.client.runs.list({})).resolves.toMatchObject({ data: [{ id: job.id }] });
  });

  it.each([
    ['nothing more', {}],
    ['the time of acceptance', { accepted_at: new Date().toISOString() }],
  ])('may leave out all that has a default, and give %s', async (_name, data) => {
    const fleet = await LocalFleet.start({ redis });
    const { request } = aResponse({ duration_ms: 300 });
    const job = await fleet.queue().add('anything', { request, ...data });
    const id = job.id ?? '';
    const run = await fleet.client.runs.wait(id, { timeoutSeconds: 20 });
    expect(run).toMatchObject({ status: 'completed', kind: 'responses', calls: { create: 1 } });
    const result = await eventually(
      'its result',
      async () => (await job.getState()) === 'completed',
      (done) => done,
    );
    expect(result).toBe(true);
    await expect(fleet.client.runs.list({ status: 'completed' })).resolves.toMatchObject({ data: [{ id }] });
  });

  it.each([
    ['text', 'a string'],
    ['nothing', null],
    ['no request', { kind: 'responses' }],
    ['an unknown kind', { kind: 'videos', request: { model: 'x' } }],
    ['an unknown field', { request: { model: 'x' }, colour: 'red' }],
    ['a newer version', { v: 2, request: { model: 'x' } }],
    ['a deadline that is none', { request: { model: 'x' }, deadline_seconds: -1 }],
  ])('whose data is %s is told so, at once and for as long as results are kept', async (_name, data) => {
    const fleet = await LocalFleet.start({ redis });
    const job = await fleet.queue().add('anything', data);
    const id = job.id ?? '';
    await eventually(
      'the job to fail',
      () => job.getState(),
      (state) => state === 'failed',
    );
    await expect(fleet.client.runs.get(id)).resolves.toMatchObject({
      id,
      status: 'rejected',
      error: { code: 'invalid_job', message: expect.stringContaining('schema'), retryable: false },
      calls: { total: 0 },
    });
    await expect(fleet.client.runs.list({ dead: true })).resolves.toMatchObject({ data: [{ id }] });
    await expect(fleet.client.runs.wait(id)).resolves.toMatchObject({ status: 'rejected' });
    await expect(fleet.client.runs.cancel(id)).resolves.toMatchObject({ status: 'rejected' });
    // There is nothing that could be sent again.
    await expect(fleet.client.runs.redrive(id)).rejects.toMatchObject({
      status: 409,
      problem: { type: '/docs#problem-not-redrivable' },
    });
    expect(fleet.simulator.ledger().callsTotal).toBe(0);
  });
});

describe('what a run leaves in Redis', () => {
  it('does not grow with its request: a megabyte does not travel with every look', async () => {
    const fleet = await LocalFleet.start({ redis });
    const megabyte = 'ü'.repeat(500_000);
    const run = await fleet.client.runs.create(aResponse({ ending: 'never' }, megabyte));
    await eventually(
      'looks',
      () => fleet.calls('responses.retrieve'),
      (looks) => looks >= 2,
    );
    const job = await redis.client.hgetall(`${fleet.prefix}:runs:${run.id}`);
    expect(JSON.stringify(job).length).toBeLessThan(5000);
    const outputBytes = async (): Promise<number> =>
      Number(/total_net_output_bytes:(\d+)/.exec(await redis.client.info('stats'))?.[1]);
    const looksBefore = fleet.calls('responses.retrieve');
    const before = await outputBytes();
    await eventually(
      'more looks',
      () => fleet.calls('responses.retrieve'),
      (looks) => looks >= looksBefore + 3,
    );
    // The heartbeat of the worker and our own questions are in it, too.
    expect((await outputBytes()) - before).toBeLessThan(500_000);
    await fleet.client.runs.cancel(run.id);
    await expect(fleet.client.runs.wait(run.id)).resolves.toMatchObject({ status: 'cancelled' });
    // It is still there for a second life.
    const again = await fleet.client.runs.redrive(run.id);
    await eventually(
      'the second create',
      () => fleet.calls('responses.create'),
      (creates) => creates === 2,
    );
    await fleet.client.runs.cancel(again.id);
    await fleet.client.runs.wait(again.id);
  });

  it('is nothing once its time is over', async () => {
    const fleet = await LocalFleet.start({ redis, env: { RUNFLEET_KEEP_RESULTS_SECONDS: '1' } });
    const gone = async (what: string): Promise<string[]> =>
      await eventually(
        what,
        // The key of BullMQ's check for stalled jobs comes and goes by itself.
        async () => (await keysOf(fleet.prefix)).filter((key) => !key.endsWith(':stalled-check')),
        (keys) => !keys.some((key) => /run_|:idempotency:|:index|:completed|:failed|:\d+$/.test(key)),
      );
    await fleet.client.runs.createAndWait(aResponse({ duration_ms: 0 }));
    const before = await gone('the first run to be gone');

    const store = fleet.store();
    const runs = await Promise.all([
      fleet.client.runs.create(aResponse({ duration_ms: 0 }, 'x'.repeat(100_000)), {
        idempotencyKey: 'once',
      }),
      fleet.client.runs.create(anAssistantsRun({ duration_ms: 0, output: 'y'.repeat(200) })),
      fleet.client.runs.create(aResponse({ ending: 'nonsense' })),
      fleet.client.runs.create(aResponse({ ending: 'never' })),
    ]);
    const invalid = await fleet.queue().add('anything', { kind: 'nonsense' });
    const foreign = await fleet.queue().add('anything', { request: aResponse({ duration_ms: 0 }).request });
    for (const { id } of runs) await store.wake(id, 'webhook');
    await fleet.client.runs.cancel(runs[3].id);
    const after = await gone('all runs to be gone');
    for (const id of [...runs.map((run) => run.id), invalid.id ?? '', foreign.id ?? ''])
      await expect(fleet.client.runs.get(id)).rejects.toMatchObject({ status: 404 });
    // A wake, or a cancel, that comes after the end leaves nothing either.
    for (const { id } of runs) {
      await store.wake(id, 'webhook');
      await expect(store.requestCancel(id, Date.now())).resolves.toBe('missing');
    }
    expect(after).toEqual(before);
    expect(await gone('no more than that')).toEqual(before);
  });
});

it('takes no id of BullMQ’s own keys for a run, and does them no harm', async () => {
  const fleet = await LocalFleet.start({ redis, workers: 0 });
  const { id } = await fleet.client.runs.create({ ...aResponse({}), priority: 5 });
  const store = fleet.store();
  const snapshot = async (): Promise<unknown> =>
    await Promise.all((await keysOf(fleet.prefix)).map(async (key) => [key, await redis.client.dump(key)]));
  const own = (await keysOf(fleet.prefix))
    .map((key) => key.split(':').slice(2).join(':'))
    .filter((name) => name !== id);
  const names = new Set([
    ...own,
    'meta',
    'events',
    'marker',
    'id',
    'wait',
    'active',
    'delayed',
    'completed',
    'failed',
  ]);
  for (const name of ['prioritized', 'pc', 'stalled', 'stalled-check', 'paused', 'repeat', 'de'])
    names.add(name);
  const before = await snapshot();
  for (const name of names) {
    if (name === '' || name.includes(':')) continue;
    await expect(fleet.client.runs.get(name)).rejects.toMatchObject({ status: 404 });
    await expect(fleet.client.runs.cancel(name)).rejects.toMatchObject({ status: 404 });
    await expect(fleet.client.runs.redrive(name)).rejects.toMatchObject({ status: 404 });
    await store.wake(name, 'webhook');
  }
  for (const name of [`${id}:lock`, '1:logs', 'a:b', '..', '%00', '💥', 'x'.repeat(300)]) {
    const answer = await fetch(`${fleet.apiUrl}/v1/runs/${encodeURIComponent(name)}`);
    expect([404, 400]).toContain(answer.status);
  }
  expect(await snapshot()).toEqual(before);
  await fleet.addWorker();
  await fleet.client.runs.cancel(id);
  await expect(fleet.client.runs.wait(id)).resolves.toBeTruthy();
});
