/** Runs whose model calls tools, while workers of both sorts are killed and replies are lost. */

import { describe, expect, it } from 'vitest';
import type { RunInput, RunView } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet, simulated } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';
import { type Effect, readEffects } from '../support/tool-effects.ts';
import { webhookSecret } from '../support/webhooks.ts';
import { lastingKeys } from '../support/lasting-keys.ts';

const redis = useRedis();

interface Plan {
  readonly kind: 'responses' | 'assistants';
  readonly rounds: number;
  readonly calls: number;
}

/** 0–6 rounds of 1–8 calls, of both kinds. */
const plans: readonly Plan[] = (['responses', 'assistants'] as const).flatMap((kind, other) =>
  [0, 1, 2, 3, 4, 5, 6].flatMap((rounds) =>
    [1, 8 - ((rounds + other) % 7)].map((calls) => ({ kind, rounds, calls })),
  ),
);

/** On a thread, a run can be found again whose worker died with its create. */
function asking({ kind, rounds, calls }: Plan, threadId = ''): RunInput {
  const metadata = simulated({ duration_ms: 150, tool_rounds: rounds, tool_calls: calls });
  const tools = { mode: 'queue' } as const;
  if (kind === 'responses') {
    const offered = [{ type: 'function', name: 'simulated_tool', parameters: { type: 'object' } }];
    const request = { model: 'gpt-5', input: 'Hello', tools: offered, metadata };
    // A worker may die with its create unsent. Should it have been sent, its webhook tells.
    return { kind, request, tools, on_ambiguous: 'retry' };
  }
  const offered = [{ type: 'function', function: { name: 'simulated_tool' } }];
  const request = { assistant_id: 'asst_1', thread_id: threadId, tools: offered, metadata };
  return { kind, request, tools };
}

const starts = (effects: readonly Effect[]): readonly Effect[] =>
  effects.filter(({ what }) => what === 'started');

describe.concurrent('tool runs in trouble', () => {
  it('all end rightly, with one submit a round and each call run once, but by workers that were killed', async (test) => {
    const fleet = await Fleet.start(test, {
      redis,
      workers: 3,
      env: { TEST_TOOL_MS: '300', OPENAI_WEBHOOK_SECRET: webhookSecret },
      simulator: { submitLagMs: 400 },
    });
    const victims = await Promise.all([fleet.addTools(), fleet.addTools()]);
    await fleet.addTools();
    fleet.simulator.configure({
      webhooks: { url: `${fleet.api.apiUrl}/v1/webhooks/openai`, secret: webhookSecret },
    });
    const lost = { type: 'lost_reply' } as const;
    fleet.simulator.setFaults({
      rules: [
        { operation: 'responses.create', fault: lost, probability: 0.1 },
        { operation: 'runs.submit_tool_outputs', fault: lost, probability: 0.2 },
      ],
    });
    const effects = (): Promise<Effect[]> => readEffects(redis.client, fleet.prefix);
    const threads = await Promise.all(plans.map(() => fleet.newThread()));
    const accepted = await fleet.client.runs.createMany(plans.map((plan, at) => asking(plan, threads[at])));
    const ended = Promise.all(accepted.map(({ run }) => fleet.client.runs.wait(run?.id ?? '')));

    for (const victim of victims) {
      await eventually('a tool worker to have calls in hand', effects, (seen) => {
        const own = seen.filter(({ pid }) => pid === victim.pid);
        return 2 * starts(own).length > own.length;
      });
      await victim.kill();
      await fleet.workers.shift()?.kill();
    }

    const runs = await ended;
    expect(runs.map(({ status }) => status)).toEqual(runs.map(() => 'completed'));
    expect(fleet.ledger().duplicates).toEqual([]);
    expect(answeredAtProvider(fleet, runs)).toEqual(plans.map(({ rounds }) => rounds));
    const byCall = Map.groupBy(starts(await effects()), ({ toolCallId }) => toolCallId);
    expect(byCall.size).toBe(plans.reduce((sum, { rounds, calls }) => sum + rounds * calls, 0));
    const dead = new Set(victims.map(({ pid }) => pid));
    const twice = [...byCall.values()].filter((own) => {
      const pids = own.map(({ pid }) => pid);
      return new Set(pids).size < pids.length || pids.filter((pid) => !dead.has(pid)).length > 1;
    });
    expect(twice).toEqual([]);
    await eventually(
      'no job to be left',
      () => lastingKeys(redis.client, `${fleet.prefix}:tools:*_*`),
      (keys) => keys.length === 0,
    );
  });

  it('end honestly where nothing can tell what became of a submit', async (test) => {
    const fleet = await Fleet.start(test, { redis });
    await fleet.addTools({ TEST_TOOL_MS: '500' });
    const { on_ambiguous: _retry, ...input } = asking({ kind: 'responses', rounds: 2, calls: 2 });
    const { id } = await fleet.client.runs.create(input);
    const effects = (): Promise<Effect[]> => readEffects(redis.client, fleet.prefix);
    await eventually('the tools to be asked', effects, (seen) => starts(seen).length === 2);
    fleet.simulator.setFaults({
      rules: [{ operation: 'responses.create', fault: { type: 'lost_reply' }, next: 1 }],
    });
    expect(await fleet.client.runs.wait(id)).toMatchObject({
      status: 'failed',
      error: { code: 'ambiguous_create' },
      calls: { create: 1, submit: 1 },
    });
    expect(fleet.ledger().responses.created).toBe(2);
    expect(starts(await effects())).toHaveLength(2);
    // A minute of it is the quarantine.
  }, 240_000);
});

/** Rounds that the provider took answers for, run by run. */
function answeredAtProvider(fleet: Fleet, runs: readonly RunView[]): number[] {
  const own = Map.groupBy(fleet.ledger().runs, ({ runfleetId }) => runfleetId);
  return runs.map(({ id, kind }) => {
    const there = own.get(id) ?? [];
    if (kind === 'responses') return there.length - 1;
    return there.reduce((sum, { calls }) => sum + (calls['runs.submit_tool_outputs'] ?? 0), 0);
  });
}
