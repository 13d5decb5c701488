import { describe, expect, it } from 'vitest';
import { viewOf } from '../../../src/app/view.ts';
import type { RunState } from '../../../src/domain/run.ts';
import { runView } from '../../../src/domain/wire/run-view.ts';
import {
  accepted,
  anOutcome,
  aSpec,
  creating,
  ended,
  fetching,
  following,
  t0,
} from '../../support/fakes/builders.ts';

const toolCalls = [{ id: 'call_1', name: 'add', arguments: '{"a":1}' }];

const viewOpen = (state: RunState) => viewOf({ spec: aSpec(), state, outcome: null });

describe('viewOf', () => {
  it('shows a run that has just been accepted', () => {
    const spec = aSpec({ label: 'nightly', lane: 'x', metadata: { a: 'b' } });
    const record = { spec, state: accepted({ wakeAtMs: t0 + 1500 }), outcome: null };
    expect(viewOf(record)).toEqual({
      id: 'run-1',
      object: 'runfleet.run',
      kind: 'responses',
      status: 'accepted',
      provider_run_id: null,
      provider_run_ids: [],
      thread_id: null,
      account: null,
      output_text: null,
      output: [],
      usage: null,
      error: null,
      required_action: null,
      tool_rounds: [],
      calls: { create: 0, retrieve: 0, submit: 0, cancel: 0, list: 0, total: 0 },
      accepted_at: '2026-01-01T00:00:00.000Z',
      created_at: null,
      completed_at: null,
      detected_at: null,
      detection_delay_ms: null,
      found_by: null,
      next_look_at: '2026-01-01T00:00:01.500Z',
      looks: [],
      label: 'nightly',
      lane: 'x',
      redriven_as: null,
      metadata: { a: 'b' },
    });
  });

  it('tells when and why it was looked at, but not in lists', () => {
    const state = ended({
      lookLog: [
        [2100, 'learned'],
        [5200, 'guard'],
      ],
    });
    const record = { spec: aSpec(), state, outcome: anOutcome() };
    expect(viewOf(record).looks).toEqual([
      { age_ms: 2100, reason: 'learned' },
      { age_ms: 5200, reason: 'guard' },
    ]);
    expect(viewOf(record, 'brief').looks).toEqual([]);
  });

  it('shows how a run ended', () => {
    const calls = { create: 1, retrieve: 2, submit: 0, cancel: 0, list: 1 };
    const state = ended({ calls, threadId: 'thread_1' });
    expect(viewOf({ spec: aSpec(), state, outcome: anOutcome() })).toMatchObject({
      status: 'completed',
      provider_run_id: 'prov-1',
      thread_id: 'thread_1',
      output_text: 'Hello yourself.',
      output: [{ type: 'message' }],
      usage: { input_tokens: 3, output_tokens: 5, total_tokens: 8 },
      calls: { ...calls, total: 4 },
      created_at: '2026-01-01T00:00:00.000Z',
      completed_at: '2026-01-01T00:00:09.000Z',
      detected_at: '2026-01-01T00:00:10.000Z',
      detection_delay_ms: 1000,
      found_by: 'poll',
      next_look_at: null,
    });
  });

  it('shows the tool calls that a run waits for, while it waits', () => {
    expect(viewOpen(following({ status: 'requires_action', toolCalls })).required_action).toEqual({
      tool_calls: [{ ...toolCalls[0], mode: 'manual' }],
      expires_at: '2026-01-01T00:10:00.000Z',
    });
    expect(viewOpen(following({ status: 'in_progress', toolCalls })).required_action).toBeNull();
  });

  it('leaves the output out of a list', () => {
    const view = viewOf({ spec: aSpec(), state: ended(), outcome: anOutcome() }, 'brief');
    expect(view).toMatchObject({ output_text: null, output: [], status: 'completed' });
    expect(view.usage).not.toBeNull();
  });

  it.each<[string, RunState]>([
    ['accepted', accepted()],
    ['creating', creating()],
    ['following', following({ status: 'unknown', rawStatus: 'pondering' })],
    ['waiting for tools until its deadline', following({ status: 'requires_action', toolCalls })],
    ['fetching', fetching()],
    ['ended', ended()],
  ])('fits its schema: %s', (_name, state) => {
    const outcome = state.phase === 'ended' ? anOutcome() : null;
    const view = viewOf({ spec: aSpec(), state, outcome });
    expect(runView.parse(view)).toEqual(view);
  });
});
