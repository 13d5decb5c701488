/**
 * One trip to the shared state of an account: pure, and the model of the Lua script in `adapters/redis-limiter`,
 * which does the same in the same order. A test runs both on the same inputs and compares.
 */

import { type Answer, type Ask, book, type Grid } from './booking.ts';
import type { PerClass } from './classes.ts';
import { isKnown, layOutOwn, layOutShared, riseRate } from './limit.ts';
import { learn, type Observation } from './learning.ts';
import { headroomOf, reachUs, spacingUs } from './spacing.ts';
import { type AccountState, emptyAccount } from './state.ts';
import type { LimiterTerms } from './terms.ts';
import { reserve, settleTokens, waitForTokens } from './tokens.ts';
import { bucketOf, countCalls, voidSlots } from './usage.ts';

export interface StepRequest {
  readonly asks: readonly Ask[];
  /** Slots of the shared grid that will not be used, and the epoch that they are from. */
  readonly back: readonly number[];
  readonly backEpoch: string;
  /** Nobody calls for so long. */
  readonly pauseUs: number;
  readonly seen: Observation | null;
  readonly settle: readonly { readonly id: string; readonly tokens: number }[];
  /** Calls, by class, that went without asking, while nothing was known of a limit. */
  readonly sent: PerClass;
}

export interface StepReply {
  readonly answers: readonly Answer[];
  readonly epoch: string;
  readonly nowUs: number;
  /** Not after `nowUs` when nobody is paused. */
  readonly pausedUntilUs: number;
  /** Of the shared grid; 0 where there is no limit. */
  readonly spacingUs: number;
  readonly reachUs: number;
  /** How far ahead the shared grid is given out, after this step. */
  readonly aheadUs: number;
  /** 0 where there is none, or none known. */
  readonly limit: number;
}

export const emptyRequest: StepRequest = {
  asks: [],
  back: [],
  backEpoch: '',
  pauseUs: 0,
  seen: null,
  settle: [],
  sent: [0, 0, 0, 0, 0],
};

/** A longer `Retry-After` is taken for an error of the provider's. */
export const longestPauseUs = 3_600_000_000;
const mostFree = 256;
/** A class that asked within this time counts as busy: its share is kept. */
const busyUs = 2_000_000;

/** `epoch` names the Redis server that answers; `nowUs` is its clock. */
export function step(
  before: AccountState | null,
  terms: LimiterTerms,
  request: StepRequest,
  nowUs: number,
  epoch: string,
): { readonly state: AccountState; readonly reply: StepReply } {
  const state = structuredClone(before ?? emptyAccount());
  const fenced = state.epoch !== epoch || before === null;
  if (fenced) fence(state, terms, nowUs, epoch);
  const isShared = (index: number): boolean => terms.free[index] === 0 && terms.classRequests[index] === 0;

  for (const [index, calls] of request.sent.entries())
    if (calls > 0) countCalls(state, terms, index, nowUs, calls);
  for (const { id, tokens } of request.settle) settleTokens(state, id, tokens, nowUs);
  const isThrottled = request.seen !== null && learn(state, terms, nowUs, request.seen, isShared);
  const isAsked = request.asks.some(({ classIndex }) => isShared(classIndex));
  riseRate(state, terms, nowUs, isAsked, state.nextUs[0] > nowUs);
  const limit = layOutShared(state, terms, nowUs, isShared, isThrottled);
  const shared = gridFor(0, limit, terms, placesReach(state, terms, limit));
  if (request.backEpoch === epoch) takeBack(state, request.back, nowUs);
  if (request.pauseUs > 0) pause(state, terms, nowUs, nowUs + Math.min(request.pauseUs, longestPauseUs));
  tidy(state, terms, nowUs, shared);

  const own = terms.classRequests.map((_, index) =>
    gridFor(index + 1, layOutOwn(state, terms, index), terms, terms.horizonUs),
  );
  if (fenced) {
    // The last slot of the old state may lie at the fence itself.
    for (const grid of [shared, ...own])
      if (grid.at >= 0) state.nextUs[grid.at] = (state.nextUs[grid.at] ?? 0) + grid.spacingUs;
  }
  const gridOf = (index: number): Grid => {
    const ownGrid = own[index];
    if (ownGrid !== undefined && ownGrid.at > 0) return ownGrid;
    return isShared(index) ? shared : unlimited(terms);
  };
  for (const ask of request.asks) state.askedUs[ask.classIndex] = nowUs;
  const busyWeight = terms.weights.reduce((sum, weight, index) => {
    const busy = (state.askedUs[index] ?? 0) > nowUs - busyUs || (state.freshUs[index] ?? 0) > nowUs;
    return busy && isShared(index) ? sum + weight : sum;
  }, 0);

  const answers = request.asks.map((ask) => {
    const isToken = ask.tokens > 0;
    const wait = isToken && state.pausedUntilUs <= nowUs ? waitForTokens(state, terms, nowUs, ask) : null;
    if (wait !== null) return wait;
    const weight = terms.weights[ask.classIndex] ?? 0;
    const shares = { active: Math.max(busyWeight, weight, 1), own: Math.max(weight, 1) };
    const answer = book(state, terms, nowUs, gridOf(ask.classIndex), ask, shares);
    if (isToken && answer.type === 'slot') reserve(state, terms, nowUs, ask, answer.atUs);
    return answer;
  });
  const reply: StepReply = {
    answers,
    epoch,
    nowUs,
    pausedUntilUs: Math.max(state.pausedUntilUs, nowUs),
    spacingUs: shared.spacingUs,
    reachUs: shared.reachUs,
    aheadUs: Math.max(0, (state.free[0] ?? state.nextUs[0]) - nowUs),
    limit: isKnown(state, terms) ? limit : 0,
  };
  return { state, reply };
}

function unlimited({ horizonUs }: LimiterTerms): Grid {
  return { at: -1, spacingUs: 0, reachUs: 0, headroom: 0, horizonUs };
}

/** A limit that is held down may soon be lifted: then those who wait must not be minutes away. */
function placesReach(state: AccountState, terms: LimiterTerms, limit: number): number {
  const isHeldDown = state.ceiling < 0 || limit < state.ceiling;
  return isHeldDown ? Math.ceil(terms.horizonUs / 4) : terms.horizonUs;
}

function gridFor(at: number, limit: number, terms: LimiterTerms, horizonUs: number): Grid {
  if (limit === 0) return unlimited(terms);
  const headroom = at === 0 ? headroomOf(limit, terms) : 0;
  const spacing = spacingUs(limit - headroom, terms);
  return { at, spacingUs: spacing, reachUs: reachUs(spacing, terms), headroom, horizonUs };
}

/**
 * The state is missing, or comes from before a restart or a failover that may have lost the last writes. Slots that
 * were given out can be used until their holders hear of it, which `fenceUs` covers; then the grid goes on. What was
 * used before lies a whole number of slots apart too, so no window that spans the loss holds more.
 */
function fence(state: AccountState, terms: LimiterTerms, nowUs: number, epoch: string): void {
  state.epoch = epoch;
  state.fencedUntilUs = nowUs + terms.fenceUs;
  state.nextUs = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < state.nextUs.length; at++) state.nextUs[at] = state.fencedUntilUs;
  state.debts = [];
  state.free = [];
  state.shareUs = [0, 0, 0, 0, 0];
  state.freshUs = [0, 0, 0, 0, 0];
  state.againUs = [0, 0, 0, 0, 0];
  state.tokensFreshUs = 0;
  state.tokensAgainUs = 0;
}

function takeBack(state: AccountState, back: readonly number[], nowUs: number): void {
  for (const slotUs of back) {
    const isOurs = slotUs > nowUs && slotUs < state.nextUs[0] && !state.free.includes(slotUs);
    if (isOurs && state.free.length < mostFree) state.free.push(slotUs);
  }
  state.free.sort((a, b) => a - b);
}

/** The latest time stands. Slots that lie in the pause are void, and count no more. */
function pause(state: AccountState, terms: LimiterTerms, nowUs: number, untilUs: number): void {
  if (untilUs <= state.pausedUntilUs) return;
  voidSlots(state, bucketOf(nowUs, terms) + 1, bucketOf(untilUs, terms) - 1);
  state.pausedUntilUs = untilUs;
  for (let at = 0; at < state.nextUs.length; at++)
    state.nextUs[at] = Math.max(state.nextUs[at] ?? 0, untilUs);
  state.free = [];
}

/** Drops what is over, and heals what a clock that was set back would leave. */
function tidy(state: AccountState, terms: LimiterTerms, nowUs: number, shared: Grid): void {
  state.debts = state.debts.filter((untilUs) => untilUs > nowUs);
  state.pausedUntilUs = Math.min(state.pausedUntilUs, nowUs + longestPauseUs);
  state.fencedUntilUs = Math.min(state.fencedUntilUs, nowUs + terms.fenceUs + 2 * terms.windowUs);
  const base = Math.max(nowUs, state.pausedUntilUs);
  for (let at = 0; at < state.nextUs.length; at++)
    state.nextUs[at] = Math.min(state.nextUs[at] ?? 0, base + 2 * terms.windowUs);
  state.tokensFreshUs = Math.min(state.tokensFreshUs, base + 2 * terms.horizonUs);
  state.tokensAgainUs = Math.min(state.tokensAgainUs, base + 2 * terms.horizonUs);
  for (let index = 0; index < state.freshUs.length; index++) {
    state.freshUs[index] = Math.min(state.freshUs[index] ?? 0, base + 2 * terms.horizonUs);
    state.againUs[index] = Math.min(state.againUs[index] ?? 0, base + 2 * terms.horizonUs);
    state.shareUs[index] = Math.min(state.shareUs[index] ?? 0, nowUs + 2 * shared.reachUs);
  }
}
