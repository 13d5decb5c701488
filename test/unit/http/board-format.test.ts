import { expect, test } from 'vitest';
import { viewOf } from '../../../src/app/view.ts';
import { formattersOf, shape } from '../../../src/http/board/format.ts';
import { accepted, aSpec, creating, following, someData, t0 } from '../../support/fakes/builders.ts';
import { completedOutcome, endedState } from '../../support/http/endings.ts';

const runs = formattersOf('runs');

const data = someData({
  label: 'nightly',
  lane: 'customer-42',
  account: 'any',
  deadline_seconds: 600,
  accepted_at: new Date(t0).toISOString(),
  request: { model: 'gpt-5', input: 'SECRET-PROMPT', tools: [{ type: 'SECRET' }] },
  callback: { url: 'https://example.com/SECRET?token=SECRET' },
  metadata: { patient: 'SECRET' },
});

test('data: what was asked, without the prompt', () => {
  const shown = runs.data(data);
  expect(shown).toMatchObject({
    kind: 'responses',
    label: 'nightly',
    lane: 'customer-42',
    account: 'any',
    deadline_at: '2026-01-01T00:10:00.000Z',
    callback: 'example.com',
    request: { model: 'gpt-5', shape: { input: 'text, 13 characters', tools: 'list of 1' } },
  });
  expect(JSON.stringify(shown)).not.toContain('SECRET');
});

test('progress: where the run stands', () => {
  const lastFault = {
    type: 'unavailable',
    code: 'server_error',
    message: 'It broke.',
    httpStatus: 500,
    retryAfterMs: null,
  } as const;
  const toolCalls = [{ id: 'c', name: 'weather', arguments: 'SECRET' }];
  const state = following({
    status: 'requires_action',
    toolCalls,
    lastFault,
    faultStreak: 2,
    wakeAtMs: t0,
    account: 'eu',
  });
  const shown = runs.progress(state);
  expect(shown).toMatchObject({
    status: 'requires_action',
    calls: '1: create 1',
    next_look_at: '2026-01-01T00:00:00.000Z',
    last_fault: 'unavailable · server_error · It broke. (2 in a row)',
    waits_for_tools: 'weather',
    provider_run_id: state.providerRunId,
    account: 'eu',
  });
  expect(JSON.stringify(shown)).not.toContain('SECRET');
});

test.for([
  [0, 'accepted'],
  [accepted(), 'accepted'],
  [creating(), 'creating'],
  [following(), 'in_progress'],
  [following({ cancel: { reason: 'caller', atMs: t0 }, cancelSentAtMs: t0 }), 'cancelling'],
  [endedState, 'completed'],
] as const)('name: the status first', ([progress, status]) => {
  expect(runs.name({ name: 'run', data, progress })).toBe(`${status} · responses · nightly`);
});

test('return value: a summary, without the answer', () => {
  const view = viewOf({ spec: aSpec(), state: endedState, outcome: completedOutcome });
  for (const result of [view, completedOutcome]) {
    const shown = runs.returnValue(result);
    expect(shown).toMatchObject({ status: 'completed', error: null });
    expect(JSON.stringify(shown)).not.toContain('SECRET');
  }
});

test('other queues show ids and shapes', () => {
  const tools = formattersOf('tools');
  const shown = tools.data({
    run_id: 'r1',
    tool: 'weather',
    arguments: 'SECRET',
    nested: { a: { b: { c: 'SECRET' } } },
  });
  expect(shown).toMatchObject({ run_id: 'r1', tool: 'weather', shape: { arguments: 'text, 6 characters' } });
  expect(JSON.stringify([shown, tools.returnValue('SECRET'), tools.progress({ a: 'SECRET' })])).not.toContain(
    'SECRET',
  );
  expect(tools.progress(50)).toBe(50);
});

test('callbacks show their host, and nothing else of the URL', () => {
  const callbacks = formattersOf('callbacks');
  const url = 'https://hooks.example.com/SECRET?token=SECRET';
  const shown = callbacks.data({ v: 1, run_id: 'r1', type: 'run.completed', url });
  expect(shown).toMatchObject({ run_id: 'r1', type: 'run.completed', host: 'hooks.example.com' });
  expect(JSON.stringify(shown)).not.toContain('SECRET');
});

test.for([
  null,
  undefined,
  3,
  'text',
  true,
  [],
  [[]],
  { calls: 3, lastFault: 'x', toolCalls: [null], wakeAtMs: NaN },
])('whatever %j is, it can be shown', (value) => {
  for (const queue of ['runs', 'tools']) {
    const { name, ...others } = formattersOf(queue);
    expect(name({ name: 'x', data: value, progress: value })).toBeTypeOf('string');
    for (const format of Object.values(others)) expect(() => JSON.stringify(format(value))).not.toThrow();
  }
});

test('a shape of something large is small', () => {
  const large = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [`field${index}`, 'x'.repeat(1000)]),
  );
  expect(JSON.stringify(shape({ large, list: Array.from({ length: 1e6 }) })).length).toBeLessThan(3000);
});
