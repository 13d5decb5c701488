/** How a run that names a pool finds its account: by what is left of each. */

import { type CallClass, callClasses } from './classes.ts';
import type { QuotaView, UnitView } from './view.ts';

/** What was sent to an account since its quota was last read. */
export interface Sent {
  readonly runs: number;
  readonly tokens: number;
}

/**
 * The share of an account's quota that is left for new runs, of the unit that has least: 1 is all of it. Below 0 it is
 * how long they would wait, in windows. Shares, so that accounts of different size fill at the same time.
 */
export function shareLeft(view: QuotaView, sent: Sent, nowMs: number): number {
  const { requests, tokens, classes, pausedUntilMs, windowMs } = view;
  const own = classes.create.limit;
  const shared = callClasses.filter((name) => classes[name].limit === null);
  const lefts = [
    left(requests, waiting(view, shared) + (own === null ? sent.runs : 0)),
    left(tokens, sent.tokens),
    own === null
      ? 1
      : left({ limit: own, used: classes.create.usedInWindow }, waiting(view, ['create']) + sent.runs),
  ];
  const least = Math.min(...lefts);
  return pausedUntilMs === null || pausedUntilMs <= nowMs
    ? least
    : Math.min(least, (nowMs - pausedUntilMs) / windowMs);
}

function left({ limit, used }: Pick<UnitView, 'limit' | 'used'>, more: number): number {
  return limit === null ? 1 : 1 - (used + more) / limit;
}

/** Calls that have a slot to come, or wait for one. */
function waiting({ classes }: QuotaView, names: readonly CallClass[]): number {
  return names.reduce((sum, name) => sum + classes[name].booked + classes[name].queued, 0);
}
