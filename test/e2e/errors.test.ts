/** Errors by kind, over the whole stack: which of them end a run, which do not, and what the caller is told. */

import { beforeAll, describe, expect, it } from 'vitest';
import type { RunInput } from '../../src/client/index.ts';
import type { FaultRule, Operation } from '../../src/simulator/index.ts';
import { anAssistantsRun, aResponse, Fleet, secrets, simulated } from '../support/fleet.ts';
import { fileLifetime } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const lifetime = fileLifetime();
let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start(lifetime, { redis });
});

const looks: readonly Operation[] = ['responses.retrieve', 'runs.retrieve'];
const creates: readonly Operation[] = ['responses.create', 'runs.create_with_thread'];
const kinds = [
  { kind: 'responses', make: aResponse },
  { kind: 'assistants', make: anAssistantsRun },
] as const;

function faults(...rules: FaultRule[]): void {
  fleet.simulator.setFaults({ rules });
}

async function ended(input: RunInput) {
  return await fleet.client.runs.createAndWait(input);
}

describe('a credential that is refused', () => {
  it.for([401, 403])('by %i: the run is rejected at once, and readiness says why', async (status, test) => {
    const secret = 'sk-refused-0123456789abcdef';
    const refusing = await Fleet.start(test, {
      redis,
      simulator: status === 401 ? {} : { forbiddenApiKeys: [secret] },
      env: { OPENAI_API_KEY: secret },
    });
    await expect(refusing.client.ready()).resolves.toMatchObject({ ready: true });
    const run = await refusing.client.runs.createAndWait(aResponse({}));
    expect(run).toMatchObject({
      status: 'rejected',
      provider_run_id: null,
      error: { retryable: false, message: expect.stringMatching(/./) },
      calls: { create: 1, total: 1 },
    });
    const ready = await refusing.client.ready();
    expect(ready.ready).toBe(false);
    expect(ready.checks['provider']).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/credential.*OPENAI_API_KEY/),
    });
    expect(JSON.stringify([run, ready]) + refusing.output()).not.toContain(secret);
  });
});

describe('a create', () => {
  it('of an assistants run that is answered 404 names the end of that API, and what to use', async () => {
    fleet.simulator.configure({ assistantsGone: true });
    const run = await ended(anAssistantsRun({}));
    fleet.simulator.configure({ assistantsGone: false });
    expect(run).toMatchObject({
      status: 'rejected',
      calls: { create: 1, total: 1 },
      error: { retryable: false },
    });
    expect(run.error?.message).toMatch(/2026-08-26.*"responses"/);
  });

  it.each(kinds)('of $kind that is refused rejects the run, with the provider’s words', async ({ make }) => {
    const run = await ended(make({ ending: 'nonsense' }));
    expect(run).toMatchObject({ status: 'rejected', calls: { create: 1, total: 1 } });
    expect(run.error?.message).toContain("Invalid 'metadata.sim_ending'");
  });

  it('that certainly had no effect is sent again', async () => {
    faults(
      ...creates.flatMap((operation) => [
        { operation, fault: { type: 'http_error', status: 503 }, next: 1 } as const,
        { operation, fault: { type: 'http_error', status: 500 }, next: 1 } as const,
      ]),
    );
    const runs = await Promise.all(kinds.map(({ make }) => ended(make({ duration_ms: 100 }))));
    for (const run of runs) {
      expect(run).toMatchObject({ status: 'completed', calls: { create: 3 } });
      expect(fleet.ledger().runs.filter(({ runfleetId }) => runfleetId === run.id)).toHaveLength(1);
    }
  });

  it('on a busy thread, or in a locked conversation, waits until it is free', async () => {
    const metadata = simulated({ duration_ms: 1500 });
    const pairs = [
      twice({
        kind: 'assistants' as const,
        request: { assistant_id: 'asst_1', thread_id: await fleet.newThread(), metadata },
      }),
      twice({
        kind: 'responses' as const,
        request: { model: 'gpt-5', input: 'Hello', conversation: 'conv_busy', metadata },
      }),
    ];
    const ends = await Promise.all(pairs.map((pair) => Promise.all(pair.map(ended))));
    for (const runs of ends) {
      expect(runs.map(({ status }) => status)).toEqual(['completed', 'completed']);
      const [first = NaN, second = NaN] = fleet
        .ledger()
        .runs.filter(({ runfleetId }) => runs.some(({ id }) => id === runfleetId))
        .map(({ createdAtMs }) => createdAtMs)
        .toSorted((a, b) => a - b);
      expect(second - first).toBeGreaterThanOrEqual(1500);
    }
  });
});

const twice = <T>(input: T): T[] => [input, input];

describe('a look', () => {
  it('that is answered 404 for a while does not lose the run', async () => {
    fleet.simulator.setFaults({ notFoundAfterEndMs: 1500 });
    const runs = await Promise.all(kinds.map(({ make }) => ended(make({ duration_ms: 200 }))));
    fleet.simulator.setFaults({ notFoundAfterEndMs: 0 });
    for (const run of runs) expect(run).toMatchObject({ status: 'completed', error: null });
    for (const operation of looks) expect(fleet.ledger().calls[operation]?.['404']).toBeGreaterThan(0);
  });

  it('that meets a passing fault is no more than no news', async () => {
    faults(
      { operation: 'responses.retrieve', fault: { type: 'http_error', status: 500 }, next: 1 },
      { operation: 'responses.retrieve', fault: { type: 'http_error', status: 401 }, next: 1 },
      { operation: 'runs.retrieve', fault: { type: 'reset' }, next: 1 },
      { operation: 'runs.retrieve', fault: { type: 'http_error', status: 403 }, next: 1 },
    );
    const runs = await Promise.all(kinds.map(({ make }) => ended(make({ duration_ms: 100 }))));
    for (const run of runs)
      expect(run).toMatchObject({ status: 'completed', error: null, calls: { retrieve: 3 } });
  });

  it('that is answered by something else than the API is no more than no news', async () => {
    faults(
      { operation: 'responses.retrieve', fault: { type: 'http_error', status: 502 }, next: 1 },
      { operation: 'responses.retrieve', fault: { type: 'lost_reply' }, next: 1 },
      { operation: 'runs.retrieve', fault: { type: 'http_error', status: 504 }, next: 1 },
      { operation: 'runs.retrieve', fault: { type: 'garbage' }, next: 1 },
      { operation: 'messages.list', fault: { type: 'wrong_content_type' }, next: 1 },
    );
    const runs = await Promise.all(kinds.map(({ make }) => ended(make({ duration_ms: 0 }))));
    expect(runs).toMatchObject([
      { status: 'completed', error: null, calls: { retrieve: 3, list: 0 } },
      { status: 'completed', error: null, calls: { retrieve: 3, list: 2 } },
    ]);
  });

  it('at the output is repeated until it is read', async () => {
    faults(
      { operation: 'messages.list', fault: { type: 'http_error', status: 500 }, next: 1 },
      { operation: 'messages.list', fault: { type: 'reset' }, next: 1 },
    );
    const run = await ended(anAssistantsRun({ duration_ms: 0, output: 'The answer.' }));
    expect(run).toMatchObject({
      status: 'completed',
      output_text: 'The answer.',
      calls: { retrieve: 1, list: 3 },
    });
  });

  it('at a status that nobody knows comes at backoff, and is told of once', async () => {
    const run = await ended(aResponse({ status: 'pondering', duration_ms: 2500 }));
    expect(run).toMatchObject({ status: 'completed' });
    // 100 ms · 1.5ⁿ up to 1 s: half a dozen, and never a hot loop.
    expect(run.calls.retrieve).toBeLessThanOrEqual(9);
    const warnings = fleet.workers.flatMap(({ stderr }) =>
      stderr.split('\n').filter((line) => line.includes('pondering') && line.includes(run.id)),
    );
    expect(warnings).toHaveLength(1);
  });

  it('does not come before the time that the provider asks for', async () => {
    fleet.simulator.configure({ pollAfterMs: 2000 });
    const run = await ended(aResponse({ queue_ms: 0, duration_ms: 1000 }));
    fleet.simulator.configure({ pollAfterMs: null });
    // One at 100 ms, and the next two seconds after it.
    expect(run).toMatchObject({ status: 'completed', calls: { retrieve: 2 } });
  });
});

it('ends runs as the provider ends them, with its code and its words', async () => {
  const endings = [
    aResponse({ ending: 'failed', error_code: 'rate_limit_exceeded', duration_ms: 0 }),
    aResponse({ ending: 'incomplete', error_code: 'max_output_tokens', duration_ms: 0 }),
    anAssistantsRun({ ending: 'failed', error_code: 'invalid_prompt', duration_ms: 0 }),
    anAssistantsRun({ ending: 'incomplete', duration_ms: 0 }),
    anAssistantsRun({ ending: 'expired', duration_ms: 0 }),
    aResponse({ ending: 'completed', output: 'Forty-two.', duration_ms: 0 }),
  ];
  const runs = await Promise.all(endings.map(ended));
  expect(runs).toMatchObject([
    { status: 'failed', error: { code: 'rate_limit_exceeded', retryable: true } },
    { status: 'incomplete', error: { code: 'max_output_tokens', retryable: false } },
    { status: 'failed', error: { code: 'invalid_prompt', retryable: false } },
    { status: 'incomplete', error: { code: 'max_completion_tokens', retryable: false } },
    { status: 'expired', error: { retryable: true } },
    {
      status: 'completed',
      error: null,
      output_text: 'Forty-two.',
      usage: { total_tokens: expect.any(Number) },
    },
  ]);
  for (const run of runs)
    expect(run.output.length > 0).toBe(run.status === 'completed' || run.output_text !== null);
});

it('has let no secret, and no prompt, into any log', async () => {
  const prompt = 'A prompt that stands in no log.';
  faults({ operation: '*', fault: { type: 'http_error', status: 500 }, next: 2 });
  await ended(aResponse({ duration_ms: 0 }, prompt));
  await ended(aResponse({ ending: 'nonsense' }, prompt));
  const output = fleet.output();
  expect(output).toContain('run ended');
  for (const secret of [...Object.values(secrets), prompt]) expect(output).not.toContain(secret);
});
