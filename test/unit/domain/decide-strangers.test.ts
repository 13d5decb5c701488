/** Answers that tell of another run than the one that was asked for: none of it becomes this run's. */

import { describe, expect, it } from 'vitest';
import { noToolProgress } from '../../../src/domain/tools.ts';
import { creating, following, over, running, t0 } from '../../support/fakes/builders.ts';
import { activated, calls, decideAt, outcomeOf, replied } from './given.ts';

const anothersEnd = over('completed', { providerRunId: 'prov-2', runId: 'run-2' });

describe('a look that is answered with another run', () => {
  it.each([
    ['by our id in its metadata', anothersEnd],
    ['by its id, where it has no metadata', over('completed', { providerRunId: 'prov-2' })],
    ['under the id that was asked for', over('completed', { runId: 'run-2' })],
    ['that is still going', running('in_progress', { providerRunId: 'prov-2', runId: 'run-2' })],
  ])('%s: it says nothing, and is asked again', (_how, snapshot) => {
    const decision = decideAt(10_000, following(), replied('retrieve', snapshot));
    expect(decision).toMatchObject({
      state: {
        phase: 'following',
        providerRunId: 'prov-1',
        lastLookAtMs: t0,
        faultStreak: 1,
        lastFault: { type: 'unclear', code: 'another_run' },
      },
      next: { type: 'wait' },
    });
  });

  it('is no confirmation of a cancel', () => {
    const state = following({ cancel: { reason: 'caller', atMs: t0 } });
    const { state: after } = decideAt(10, state, replied('cancel', anothersEnd));
    expect(after).toMatchObject({ phase: 'following', cancelSentAtMs: null });
    expect(decideAt(60_000, after, activated()).next.type).toBe('end');
  });

  it('is not taken for a stream’s end either: the run is looked at', () => {
    const decision = decideAt(10_000, following(), {
      type: 'streamed',
      snapshot: anothersEnd,
      lastSeenAtMs: t0,
    });
    expect(decision).toMatchObject({ state: { phase: 'following' }, next: calls('retrieve') });
  });

  it('is not what the run has left behind when it asked for tools', () => {
    const state = following({ tools: { ...noToolProgress, formerRunIds: ['prov-0'] } });
    const former = over('completed', { providerRunId: 'prov-0', runId: 'run-1' });
    expect(decideAt(10_000, state, replied('retrieve', former)).next.type).toBe('wait');
  });
});

describe('an answer that has our id', () => {
  it('is ours, also from a gateway that names the run anew each time', () => {
    const snapshot = over('completed', { providerRunId: 'prov-1-again', runId: 'run-1' });
    const decision = decideAt(10_000, following(), replied('retrieve', snapshot));
    expect(outcomeOf(decision).status).toBe('completed');
    expect(decision.state).toMatchObject({ providerRunId: 'prov-1' });
  });
});

describe('a create that is answered with another run', () => {
  it('is in doubt, as without an answer', () => {
    const decision = decideAt(800, creating(), replied('create', anothersEnd));
    expect(decision).toMatchObject({
      state: { phase: 'creating', intentAtMs: t0, lastFault: { code: 'another_run' } },
      next: { type: 'wait' },
    });
  });
});
