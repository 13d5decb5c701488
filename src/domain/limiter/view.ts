/** An account's quota, to be shown: limits, use, who waits and why. */

import { type CallClass, callClasses } from './classes.ts';
import { isKnown, limitNow, tokenLimitNow } from './limit.ts';
import type { AccountState } from './state.ts';
import type { LimiterTerms } from './terms.ts';
import { queuedForTokens } from './tokens.ts';
import { bucketOf, tokenCells, usedBetween } from './usage.ts';

export interface QuotaView {
  readonly windowMs: number;
  readonly requests: UnitView;
  readonly tokens: UnitView;
  /** Redis's clock; null when nobody is paused. */
  readonly pausedUntilMs: number | null;
  readonly classes: Readonly<Record<CallClass, ClassView>>;
  /** Why calls wait now; null when they do not. `settling`: after a restart of Redis or under a lower limit. */
  readonly waitingFor: 'pause' | 'tokens' | 'settling' | 'quota' | null;
}

export interface UnitView {
  /** In force now; null: no limit. */
  readonly limit: number | null;
  readonly used: number;
  readonly usedRatio: number;
  /**
   * `configured`, `headers`; `throttled`: held down by 429s; `shared`: held down by others' use; `guess`: where calls
   * begin while nothing is known.
   */
  readonly source: 'none' | 'configured' | 'headers' | 'throttled' | 'shared' | 'guess';
}

export interface ClassView {
  /** Its own quota; null when it has none. */
  readonly limit: number | null;
  readonly usedInWindow: number;
  /** With a slot that is still to come. */
  readonly booked: number;
  /** Told when to come back, without a slot; an estimate. */
  readonly queued: number;
}

export function viewOf(state: AccountState, terms: LimiterTerms, nowUs: number): QuotaView {
  const cells = [...state.usage.values()];
  const perClassUse = (index: number, fromUs: number, toUs: number): number =>
    usedBetween(
      cells.map(({ bucket, calls }) => ({ bucket, amount: calls[index] ?? 0 })),
      fromUs,
      toUs,
      terms,
    );
  const classView = (name: CallClass): ClassView => {
    const index = callClasses.indexOf(name);
    const waitUs = Math.max(0, (state.freshUs[index] ?? 0) - nowUs);
    const gapUs = state.gapUs[index] ?? 0;
    const limit = terms.classRequests[index] ?? 0;
    return {
      limit: limit > 0 ? limit : null,
      usedInWindow: perClassUse(index, nowUs - terms.windowUs, nowUs),
      booked: cells.reduce(
        (sum, { bucket, calls }) => (bucket > bucketOf(nowUs, terms) ? sum + (calls[index] ?? 0) : sum),
        0,
      ),
      queued:
        (gapUs > 0 ? Math.round(waitUs / gapUs) : 0) +
        (name === 'create' ? queuedForTokens(state, terms, nowUs) : 0),
    };
  };
  const classes = {
    create: classView('create'),
    look: classView('look'),
    submit: classView('submit'),
    cancel: classView('cancel'),
    other: classView('other'),
  };
  const requests = requestView(state, terms, nowUs, classes);
  const paused = state.pausedUntilUs > nowUs;
  const waits = callClasses.some((name) => classes[name].queued > 0 || classes[name].booked > 0);
  const waitingFor = waits ? reasonOf(state, nowUs) : null;
  return {
    windowMs: terms.windowUs / 1000,
    requests,
    tokens: tokenView(state, terms, nowUs),
    pausedUntilMs: paused ? state.pausedUntilUs / 1000 : null,
    classes,
    waitingFor: paused ? 'pause' : waitingFor,
  };
}

function reasonOf(state: AccountState, nowUs: number): 'tokens' | 'settling' | 'quota' {
  if (state.fencedUntilUs > nowUs) return 'settling';
  const latestUs = Math.max(state.holdUntilUs, state.tokensFreshUs, state.tokensAgainUs);
  return latestUs > nowUs ? 'tokens' : 'quota';
}

function requestView(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  classes: QuotaView['classes'],
): UnitView {
  const used = callClasses.reduce((sum, name, index) => {
    const counts = terms.free[index] === 0 && terms.classRequests[index] === 0;
    return counts ? sum + classes[name].usedInWindow : sum;
  }, 0);
  if (!isKnown(state, terms) && state.rate === 0) return unit(0, used, 'none');
  const limit = limitNow(state, terms, nowUs);
  return unit(limit, used, sourceOf(state, terms, limit));
}

function sourceOf(state: AccountState, terms: LimiterTerms, limit: number): UnitView['source'] {
  if (limit === 0) return 'none';
  if (!isKnown(state, terms)) return 'guess';
  if (state.rate > 0 && limit <= state.rate) return 'throttled';
  const known = terms.requests > 0 ? terms.requests : state.learned;
  const ceiling = state.learned > 0 ? Math.min(known, state.learned) : known;
  if (limit < ceiling) return 'shared';
  return state.learned > 0 && state.learned === ceiling ? 'headers' : 'configured';
}

function tokenView(state: AccountState, terms: LimiterTerms, nowUs: number): UnitView {
  const cells = tokenCells(state).map(({ bucket, tokens }) => ({ bucket, amount: tokens }));
  const used = usedBetween(cells, nowUs - terms.windowUs, nowUs + terms.windowUs, terms);
  const limit = tokenLimitNow(state, terms, nowUs);
  if (limit === 0) return unit(0, used, 'none');
  return unit(limit, used, state.tokensLearned > 0 ? 'headers' : 'configured');
}

function unit(limit: number, used: number, source: UnitView['source']): UnitView {
  return { limit: limit === 0 ? null : limit, used, usedRatio: limit === 0 ? 0 : used / limit, source };
}
