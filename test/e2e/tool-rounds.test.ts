/** Runs that ask for tools, answered by their caller: over HTTP, with the simulator as provider. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { RunView } from '../../src/client/index.ts';
import { anAssistantsRun, aResponse } from '../support/fleet.ts';
import { LocalFleet } from '../support/local-fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const manual = { mode: 'manual' } as const;

const functions = [{ type: 'function', name: 'add', parameters: { type: 'object' }, strict: true }];
const assistantFunctions = [{ type: 'function', function: { name: 'add' } }];

type Fate = Readonly<Record<string, string | number>>;

function asking(kind: 'responses' | 'assistants', fate: Fate) {
  if (kind === 'assistants') {
    const run = anAssistantsRun(fate);
    return { ...run, request: { ...run.request, tools: assistantFunctions } };
  }
  const run = aResponse(fate);
  return { ...run, request: { ...run.request, tools: functions } };
}

/** Answers as a caller would: reads the run, and sends what it asks for, one call at a time. */
async function answerAll(fleet: LocalFleet, id: string): Promise<RunView> {
  for (;;) {
    const answer = await fetch(`${fleet.apiUrl}/v1/runs/${id}?wait=30`);
    const run: RunView = JSON.parse(await answer.text());
    if (run.required_action === null) {
      if (run.detected_at !== null) return run;
      continue;
    }
    for (const { id: tool_call_id } of run.required_action.tool_calls)
      await fleet.client.runs.submitToolOutputs(id, [{ tool_call_id, output: `of ${tool_call_id}` }]);
  }
}

describe.each(['responses', 'assistants'] as const)('a run of kind %s', (kind) => {
  it('goes through any number of rounds and calls, with one submit a round', async () => {
    const fleet = await LocalFleet.start({ redis, simulator: { submitLagMs: 300 } });
    const plans = [0, 1, 2, 6].flatMap((rounds) => [1, 3, 8].map((calls) => ({ rounds, calls })));
    const ended = await Promise.all(
      plans.map(async ({ rounds, calls }) => {
        const fate = { duration_ms: 50, tool_rounds: rounds, tool_calls: calls };
        const { id } = await fleet.client.runs.create({ ...asking(kind, fate), tools: manual });
        return await answerAll(fleet, id);
      }),
    );
    expect(
      ended.map((run) => ({
        status: run.status,
        submits: run.calls.submit,
        rounds: run.tool_rounds.length,
        ids: run.provider_run_ids.length,
      })),
    ).toEqual(
      plans.map(({ rounds }) => ({
        status: 'completed',
        submits: rounds,
        rounds,
        ids: kind === 'responses' ? rounds + 1 : 1,
      })),
    );
    const tokens = ended.map((run) => run.usage?.total_tokens ?? 0);
    expect(Math.min(...tokens)).toBeGreaterThan(0);
  });

  it('ends, with its calls taken back, when it is cancelled while it waits', async () => {
    const fleet = await LocalFleet.start({ redis });
    const fate = { duration_ms: 50, tool_rounds: 1 };
    const { id } = await fleet.client.runs.create({ ...asking(kind, fate), tools: manual });
    await eventually(
      'the run to ask',
      () => fleet.client.runs.get(id),
      ({ required_action: action }) => action !== null,
    );
    await fleet.client.runs.cancel(id);
    await expect(fleet.client.runs.wait(id)).resolves.toMatchObject({
      status: 'cancelled',
      required_action: null,
    });
    await expect(
      fleet.client.runs.submitToolOutputs(id, [{ tool_call_id: 'x', output: '' }]),
    ).rejects.toMatchObject({ status: 409 });
  });
});

it('takes 128 answers to one round, and none before it is asked or after it has ended', async () => {
  const fleet = await LocalFleet.start({ redis });
  const fate = { duration_ms: 1000, tool_rounds: 1, tool_calls: 128 };
  const { id } = await fleet.client.runs.create({ ...asking('responses', fate), tools: manual });
  const stranger = [{ tool_call_id: 'call_of_another', output: '' }];
  await expect(fleet.client.runs.submitToolOutputs(id, stranger)).rejects.toMatchObject({ status: 409 });
  const { required_action: action } = await eventually(
    'the run to ask',
    () => fleet.client.runs.get(id),
    (run) => run.required_action !== null,
  );
  await expect(fleet.client.runs.submitToolOutputs(id, stranger)).rejects.toMatchObject({ status: 400 });
  const calls = action?.tool_calls ?? [];
  expect(calls).toHaveLength(128);
  const answers = (output: string) => calls.map((call) => ({ tool_call_id: call.id, output }));
  // Two that answer at the same time: of each call, one answer stands.
  await Promise.all([
    fleet.client.runs.submitToolOutputs(id, answers('one')),
    fleet.client.runs.submitToolOutputs(id, answers('')),
  ]);
  await expect(fleet.client.runs.wait(id)).resolves.toMatchObject({
    status: 'completed',
    calls: { submit: 1 },
  });
  await expect(fleet.client.runs.submitToolOutputs(id, stranger)).rejects.toMatchObject({ status: 409 });
});

it('goes on when the reply to a submit is lost, and submits once where that can be seen', async () => {
  const fleet = await LocalFleet.start({ redis });
  fleet.simulator.setFaults({
    rules: [{ operation: 'runs.submit_tool_outputs', fault: { type: 'lost_reply' }, next: 1 }],
  });
  const fate = { duration_ms: 50, tool_rounds: 2, tool_calls: 2 };
  const { id } = await fleet.client.runs.create({ ...asking('assistants', fate), tools: manual });
  const run = await answerAll(fleet, id);
  expect(run).toMatchObject({ status: 'completed', calls: { submit: 2 } });
});

/** Answers each call with its name. */
async function aServer(seen: string[]): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call: { readonly tool_call_id: string } = JSON.parse(Buffer.concat(chunks).toString());
      seen.push(call.tool_call_id);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ output: `of ${call.tool_call_id}` }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/tools`;
}

describe('tools that a URL answers', () => {
  it('are called once each, and the runs of both kinds go on', async () => {
    const env = {
      RUNFLEET_CALLBACK_ALLOW: '127.0.0.1',
      RUNFLEET_CALLBACK_SECRET: `whsec_${Buffer.from('a secret of the tests, 32 bytes.').toString('base64')}`,
    };
    const fleet = await LocalFleet.start({ redis, env });
    const seen: string[] = [];
    const url = await aServer(seen);
    const plans = (['responses', 'assistants'] as const).flatMap((kind) =>
      [1, 2, 4].flatMap((rounds) => [1, 8].map((calls) => ({ kind, rounds, calls }))),
    );
    const ended = await Promise.all(
      plans.map(async ({ kind, rounds, calls }) => {
        const fate = { duration_ms: 50, tool_rounds: rounds, tool_calls: calls };
        const run = { ...asking(kind, fate), tools: { mode: 'http', url } } as const;
        return await fleet.client.runs.createAndWait(run);
      }),
    );
    for (const [at, run] of ended.entries())
      expect(run).toMatchObject({ status: 'completed', calls: { submit: plans[at]?.rounds } });
    expect(seen).toHaveLength(plans.reduce((sum, { rounds, calls }) => sum + rounds * calls, 0));
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('are refused when they could not be called', async () => {
    const fleet = await LocalFleet.start({ redis, workers: 0 });
    const run = { ...asking('responses', {}), tools: { mode: 'http', url: 'http://10.0.0.1/x' } } as const;
    await expect(fleet.client.runs.create(run)).rejects.toMatchObject({
      status: 400,
      problem: { errors: [{ pointer: '/tools/url' }] },
    });
  });
});
