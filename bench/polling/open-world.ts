/** A world without a budget: runs come when they come, and every look is had when it is due. */

import type { DrawnRun } from './draws.ts';
import { TimeHeap } from './heap.ts';
import type { Policy } from './policies.ts';
import { type Found, SimulatedRun } from './simulated-run.ts';

interface Activation {
  readonly run: SimulatedRun;
  readonly foundBy: 'poll' | 'webhook';
}

/** What was found of each run, in the order of the draws. */
export function simulate(draws: readonly DrawnRun[], policy: Policy, costMs: number): Found[] {
  const queue = new TimeHeap<Activation>();
  const results: Found[] = [];
  let found = 0;
  let next = 0;
  while (found < draws.length) {
    const drawn = draws[next];
    if (drawn !== undefined && drawn.startMs <= queue.peekMs()) {
      next += 1;
      const run = new SimulatedRun(drawn, drawn.startMs);
      policy.at?.(drawn.startMs);
      policy.started?.(drawn);
      queue.push(run.start(policy.scheduleFor(drawn, costMs)), { run, foundBy: 'poll' });
      if (drawn.webhookAfterMs !== null)
        queue.push(run.endMs + drawn.webhookAfterMs, { run, foundBy: 'webhook' });
      continue;
    }
    const nowMs = queue.peekMs();
    const activation = queue.pop();
    if (activation === undefined) throw new Error('The queue ran dry with runs unfound.');
    const { run, foundBy } = activation;
    if (results[run.drawn.index] !== undefined) continue;
    policy.at?.(nowMs);
    const schedule = policy.scheduleFor(run.drawn, costMs);
    const untilMs = run.wake(nowMs, foundBy, schedule);
    policy.silent?.(
      run.drawn,
      untilMs === null ? 'look' : 'review',
      run.lastLookMs - run.startMs,
      nowMs - run.lastLookMs,
    );
    if (untilMs !== null) {
      queue.push(untilMs, { run, foundBy: 'poll' });
      continue;
    }
    if (run.looks === 0) policy.looked?.(run.drawn);
    policy.learn(run.drawn, () => run.lesson(nowMs));
    const looked = run.look(nowMs, foundBy, policy.scheduleFor(run.drawn, costMs));
    if (typeof looked === 'number') {
      queue.push(looked, { run, foundBy: 'poll' });
      continue;
    }
    results[run.drawn.index] = looked;
    found += 1;
    policy.found(looked);
  }
  return results;
}
