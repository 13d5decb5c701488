/** Each check of `npm run chaos` finds what it is there for, and nothing in a session where all went well. */

import { describe, expect, it } from 'vitest';
import { checks } from '../../../chaos/checks/index.ts';
import type { Evidence } from '../../../chaos/evidence.ts';
import type { RunView } from '../../../src/client/index.ts';
import {
  delivery,
  effect,
  ledger,
  life,
  line,
  planned,
  providerRun,
  run,
  sending,
  startMs,
  well,
} from './well.ts';

const withRun = (patch: Partial<RunView>): Evidence => {
  const changed = { ...run, ...patch };
  return {
    ...well,
    records: new Map([['run_1', changed]]),
    sendings: [{ ...sending, told: [changed] }],
    deliveries: [{ ...delivery, run: changed }],
  };
};
const withThere = (...runs: readonly Partial<typeof providerRun>[]): Evidence => ({
  ...well,
  ledger: { ...ledger, runs: runs.map((patch) => Object.assign({ ...providerRun }, patch)) },
});
const withLife = (patch: Partial<typeof life>): Evidence => ({ ...well, lives: [{ ...life, ...patch }] });

/** A second run of the lane, sent when the first was accepted, and at the provider from then on. */
function twoInLane(fromMs: number): Evidence {
  const other: RunView = {
    ...run,
    id: 'run_2',
    provider_run_id: 'resp_2',
    provider_run_ids: ['resp_2'],
    output_text: 'The answer to number 2.',
    metadata: { chaos_n: '2' },
  };
  const sent = {
    ...sending,
    planned: { ...planned, n: 2 },
    sentAtMs: startMs + 50,
    runId: 'run_2',
    told: [other],
  };
  const there = { ...providerRun, id: 'resp_2', runfleetId: 'run_2', createdAtMs: startMs + fromMs };
  return {
    ...well,
    records: new Map([...well.records, ['run_2', other]]),
    listed: ['run_1', 'run_2'],
    sendings: [sending, sent],
    deliveries: [delivery, { ...delivery, id: 'cb_run_2_ended', runId: 'run_2', run: other }],
    ledger: { ...ledger, runs: [providerRun, { ...there, endedAtMs: startMs + fromMs + 500 }] },
  };
}

const broken = (evidence: Evidence): string[] =>
  checks.flatMap(({ name, find }) => (find(evidence).length > 0 ? name : []));

it('finds nothing where all went well', () => {
  expect(broken(well)).toEqual([]);
  expect(broken(twoInLane(2000))).toEqual([]);
});

const planted: readonly [string, string, Evidence][] = [
  ['accepted = ended', 'a run that is gone', { ...well, records: new Map(), listed: [] }],
  ['accepted = ended', 'a run that goes on for ever', { ...withRun({ status: 'in_progress' }) }],
  [
    'accepted once',
    'a run that nobody took',
    { ...well, sendings: [sending, { ...sending, planned: { ...planned, n: 3 }, runId: null, told: [] }] },
  ],
  [
    'accepted once',
    'a run accepted twice',
    {
      ...well,
      records: new Map([...well.records, ['run_9', { ...run, id: 'run_9' }]]),
      listed: ['run_1', 'run_9'],
    },
  ],
  ['accepted once', 'a run that no list shows', { ...well, listed: [] }],
  ['accepted once', 'a run that was refused', { ...well, sendings: [{ ...sending, refusal: '400' }] }],
  [
    'one outcome each',
    'an event of another end',
    { ...well, sendings: [{ ...sending, told: [{ ...run, status: 'failed' }] }] },
  ],
  [
    'one outcome each',
    'a callback of another output',
    { ...well, deliveries: [{ ...delivery, run: { ...run, output_text: 'no' } }] },
  ],
  [
    'one outcome each',
    'news after the end',
    { ...well, sendings: [{ ...sending, told: [run, { ...run, status: 'queued' }] }] },
  ],
  ['ends are true', 'another output', withRun({ output_text: 'The answer to number 2.' })],
  ['ends are true', 'an end that the provider does not know', withThere({ status: 'failed' })],
  ['ends are true', 'a cancel that nobody asked for', withRun({ status: 'cancelled' })],
  ['ends are true', 'a deadline that had not come', withRun({ status: 'timed_out' })],
  [
    'ends are true',
    'a defect of ours',
    withRun({ status: 'failed', error: { code: 'internal_error', message: '', retryable: true } }),
  ],
  ['provider runs = creates known', 'a run of nobody', withThere({}, { id: 'resp_9', runfleetId: 'run_9' })],
  ['provider runs = creates known', 'a second run, unnoticed', withThere({}, { id: 'resp_9' })],
  [
    'provider runs = creates known',
    'a second run that was counted, and not allowed',
    {
      ...withRun({ calls: { ...run.calls, create: 2 } }),
      ledger: {
        ...withThere({}, { id: 'resp_9' }).ledger,
        duplicates: [{ runfleetId: 'run_1', runIds: ['resp_1', 'resp_9'] }],
      },
    },
  ],
  ['provider runs = creates known', 'another one’s run', withRun({ provider_run_ids: ['resp_0', 'resp_1'] })],
  ['nothing goes on unseen', 'a provider run that goes on', withThere({ endedAtMs: null })],
  ['callbacks delivered', 'no callback', { ...well, deliveries: [] }],
  [
    'callbacks delivered',
    'a callback that was never taken',
    { ...well, deliveries: [{ ...delivery, answer: 500 }] },
  ],
  ['callbacks delivered', 'two ids', { ...well, deliveries: [delivery, { ...delivery, id: 'cb_2' }] }],
  ['callbacks delivered', 'a wrong signature', { ...well, oddities: ['not signed'] }],
  ['quota kept', 'one call too many', { ...well, rpm: 1 }],
  [
    'tool calls once',
    'a call that was run again',
    { ...well, effects: [effect, { ...effect, execution: 'b', startedAtMs: startMs + 400 }] },
  ],
  ['lanes in turn', 'two at the provider at once', twoInLane(600)],
  ['lanes in turn', 'the later one first', twoInLane(-1000)],
  ['stops in order', 'a process that dies of itself', withLife({ end: 'itself', code: 1 })],
  ['stops in order', 'a slow stop', withLife({ stopMs: 26_000 })],
  ['stops in order', 'a stop that fails', withLife({ code: 1 })],
  [
    'nothing left behind',
    'a wake',
    { ...well, keys: [{ key: '{chaos}:wake:run_1', ttlMs: null, runIds: [] }] },
  ],
  [
    'nothing left behind',
    'a lane',
    { ...well, keys: [{ key: '{chaos}:lane:x', ttlMs: 600_000_000, runIds: ['run_1'] }] },
  ],
  [
    'nothing left behind',
    'a body that stays for days',
    { ...well, keys: [{ key: '{chaos}:callback-body:cb', ttlMs: 86_400_000, runIds: [] }] },
  ],
  [
    'nothing left behind',
    'the end of a stream',
    { ...well, keys: [{ key: '{chaos}:stream-end:run_1', ttlMs: 3_000_000, runIds: [] }] },
  ],
  ['quiet logs', 'an error in quiet times', { ...well, logs: [line] }],
];

describe.each(checks)('$name', ({ name, find }) => {
  it.each(planted.filter(([broke]) => broke === name))('%s: %s', (_name, _what, evidence) => {
    expect(find(evidence)).not.toEqual([]);
  });
});

it.each([
  ['killed', { toMs: startMs + 350, end: 'kill' }],
  ['frozen', { frozen: [{ fromMs: startMs + 250, toMs: startMs + 9250 }] }],
] as const)('lets a tool call be run again whose worker was %s', (_what, patch) => {
  const again = { ...effect, execution: 'b', startedAtMs: startMs + 8000 };
  expect(
    broken({
      ...withLife({ ...patch, frozen: [...('frozen' in patch ? patch.frozen : [])] }),
      effects: [effect, again],
    }),
  ).toEqual([]);
});
