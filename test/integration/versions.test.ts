/** Versions side by side: what an older one has left in Redis is carried on, and what a newer one wrote is left to it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import OpenAI from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunView } from '../../src/domain/wire/run-view.ts';
import { eventually } from '../support/eventually.ts';
import { LocalFleet } from '../support/local-fleet.ts';
import { useRedis } from '../support/redis.ts';

type Fields = Record<string, unknown>;
interface OldJob {
  readonly data: Fields;
  /** 0: no worker had taken it up. */
  readonly progress: Fields | 0;
  readonly outcome?: Fields;
  readonly output?: Fields;
}

/** Taken from a Redis that the fleet of this commit had worked on. */
const old: { readonly writtenAtMs: number; readonly jobs: Readonly<Record<string, OldJob>> } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../support/old-versions/jobs-97dcf12.json'), 'utf8'),
);

/** The same, written `agoMs` ago. */
function moved<T>(value: T, agoMs: number): T {
  const byMs = Date.now() - agoMs - old.writtenAtMs;
  return JSON.parse(JSON.stringify(value), (key, item: unknown) => {
    if (typeof item === 'number' && key.endsWith('AtMs')) return item + byMs;
    return key === 'accepted_at' ? new Date(Date.parse(String(item)) + byMs).toISOString() : item;
  });
}

const redis = useRedis();

/** A fleet that finds this job in its queue, as the older version has left it. */
async function fleetWith({ data, progress, ...rest }: OldJob, patch: Fields = {}): Promise<LocalFleet> {
  const fleet = await LocalFleet.start({ redis, workers: 0 });
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  await fleet.queue().add(String(data['kind']), data, { jobId: 'run_old', delay: 50 });
  const state = progress === 0 ? 0 : { ...progress, ...patch };
  for (const [field, value] of Object.entries({ ...rest, progress: state }))
    await client.hset(`${fleet.prefix}:runs:run_old`, field, JSON.stringify(value));
  return fleet;
}

const read = (fleet: LocalFleet): Promise<RunView> => fleet.client.runs.get('run_old');

function job(name: string): OldJob {
  const found = old.jobs[name];
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return found;
}

/** A run at the provider, in the place of the one that the older version had created. */
async function atProvider(
  fleet: LocalFleet,
  kind: 'responses' | 'assistants',
  metadata: Record<string, string>,
): Promise<Fields> {
  const openai = new OpenAI({ apiKey: 'sk-local', baseURL: fleet.simulator.baseUrl });
  if (kind === 'responses') {
    const { id } = await openai.responses.create({
      model: 'gpt-5',
      input: 'Hello',
      background: true,
      metadata,
    });
    return { providerRunId: id };
  }
  const run = await openai.beta.threads.createAndRun({ assistant_id: 'asst_1', metadata });
  return { providerRunId: run.id, threadId: run.thread_id };
}

async function carriedOn(name: string, metadata: Record<string, string>, agoMs = 3000): Promise<LocalFleet> {
  const seen = moved(job(name), agoMs);
  const fleet = await fleetWith(seen);
  const kind = seen.data['kind'] === 'assistants' ? 'assistants' : 'responses';
  const there = await atProvider(fleet, kind, metadata);
  const state = { ...(seen.progress === 0 ? {} : seen.progress), ...there };
  const client = new Redis(redis.url);
  await client.hset(`${fleet.prefix}:runs:run_old`, 'progress', JSON.stringify(state));
  client.disconnect();
  await fleet.addWorker();
  return fleet;
}

describe('a run of an older version', () => {
  it.each(['following', 'unlabelled'])(
    'that was being looked at (%s) is looked at to its end',
    async (name) => {
      const fleet = await carriedOn(name, { sim_duration_ms: '500' });
      expect(await fleet.client.runs.wait('run_old')).toMatchObject({
        status: 'completed',
        calls: { create: 1 },
      });
      expect(fleet.calls('responses.create')).toBe(1);
    },
  );

  it('that asked for tools is cancelled when its caller wants that', async () => {
    const fleet = await carriedOn('asking', { sim_ending: 'tools', sim_duration_ms: '0' });
    expect((await read(fleet)).required_action?.tool_calls).toHaveLength(1);
    await fleet.client.runs.cancel('run_old');
    expect(await fleet.client.runs.wait('run_old')).toMatchObject({ status: 'cancelled' });
    expect(fleet.simulator.ledger().assistants.created).toBe(1);
  });

  it('whose output was still to be read has it read', async () => {
    const fleet = await carriedOn('fetching', { sim_duration_ms: '0' });
    const run = await fleet.client.runs.wait('run_old');
    expect(run).toMatchObject({ status: 'completed', error: null });
    expect(run.output_text).not.toBeNull();
  });

  it('whose create was never answered is not created again', async () => {
    // Its quarantine is over in a moment.
    const seen = moved(job('creating'), 59_000);
    const fleet = await fleetWith(seen);
    await fleet.addWorker();
    expect(await fleet.client.runs.wait('run_old')).toMatchObject({
      status: 'failed',
      error: { code: 'ambiguous_create' },
    });
    expect(fleet.calls('responses.create')).toBe(0);
  });

  it.each(['throttled', 'accepted'])('that was not created yet (%s) is created once', async (name) => {
    const fleet = await fleetWith(moved(job(name), 3000));
    await fleet.addWorker();
    expect(await fleet.client.runs.wait('run_old')).toMatchObject({ status: 'completed' });
    expect(fleet.calls('responses.create')).toBe(1);
  });

  it('that has ended is shown as it ended', async () => {
    const fleet = await fleetWith(moved(job('ended'), 3000));
    expect(await read(fleet)).toMatchObject({
      status: 'completed',
      output_text: 'The simulator’s answer to “Hello”.',
      usage: { total_tokens: 18 },
      calls: { create: 1, retrieve: 1, total: 2 },
      found_by: 'poll',
    });
  });
});

describe('what a newer version wrote', () => {
  it('in fields that we do not know is passed over', async () => {
    const fleet = await fleetWith(moved(job('throttled'), 3000), {
      mood: 'good',
      calls: { create: 1, retrieve: 0, submit: 0, cancel: 0, list: 0, sing: 1 },
    });
    await fleet.addWorker();
    expect(await fleet.client.runs.wait('run_old')).toMatchObject({ status: 'completed' });
  });

  it('as a state of version 2 is left to it: nothing is sent, nothing ends', async () => {
    const seen = moved(job('following'), 3000);
    const fleet = await fleetWith(seen, { v: 2 });
    await fleet.addWorker();
    const key = `${fleet.prefix}:runs:run_old`;
    // Taken up, and put back: twice.
    const started = async (): Promise<number> => Number((await redis.client.hget(key, 'ats')) ?? 0);
    await eventually('it to be taken up', started, (times) => times >= 2);
    expect(await redis.client.hmget(key, 'progress', 'outcome', 'failedReason')).toEqual([
      JSON.stringify({ ...(seen.progress === 0 ? {} : seen.progress), v: 2 }),
      null,
      null,
    ]);
    expect(fleet.simulator.ledger().callsTotal).toBe(0);
  });

  it('as data of version 2 is refused where all see it, and kept', async () => {
    const fleet = await fleetWith({ data: { ...moved(job('accepted'), 0).data, v: 2 }, progress: 0 });
    await fleet.addWorker();
    const run = await eventually(
      'the reason of the refusal',
      () => read(fleet),
      ({ error }) => error?.message.includes('schemas/run.schema.json') === true,
    );
    expect(run).toMatchObject({ status: 'rejected', error: { code: 'invalid_job' } });
    expect(fleet.simulator.ledger().callsTotal).toBe(0);
    const { data } = await fleet.client.runs.list({ dead: true });
    expect(data.map(({ id }) => id)).toEqual(['run_old']);
  });
});
