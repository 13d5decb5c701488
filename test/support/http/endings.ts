import { type EndedState, initialState, type RunOutcome } from '../../../src/domain/run.ts';
import { t0 } from '../fakes/builders.ts';

export const endedState: EndedState = {
  ...initialState(t0),
  phase: 'ended',
  status: 'completed',
  providerRunId: 'resp_1',
  threadId: null,
  startedAtMs: t0,
};

export const completedOutcome: RunOutcome = {
  status: 'completed',
  error: null,
  output: { text: 'SECRET-ANSWER', items: [{ type: 'message', text: 'SECRET-ANSWER' }] },
  usage: null,
  completedAtMs: t0,
  detectedAtMs: t0,
  detectionDelayMs: 0,
  foundBy: 'poll',
};
