/** The plans that most lives differ from in a few points. */

import { seconds } from '../../support/fakes/builders.ts';
import type { Plan, Turn } from './life.ts';

export const smooth: Turn = {
  result: 'answered',
  processed: true,
  retryAfterMs: null,
  tookMs: 200,
  deniedMs: null,
};

export const plainPlan: Plan = {
  turns: [],
  rest: smooth,
  durationMs: seconds(30),
  ending: 'completed',
  separateOutput: false,
  whileRunning: 'in_progress',
  expiresAfterMs: null,
  pollAfterMs: null,
  cancelObeyed: true,
  canFind: false,
  visibleAfterMs: 0,
  onAmbiguous: 'fail',
  deadlineMs: seconds(600),
  cancelAtMs: null,
  wakesAtMs: [],
  stream: null,
};
