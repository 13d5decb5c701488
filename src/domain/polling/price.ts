/**
 * One price for the whole fleet when the quota is short: looks grow dearer until those that are due fit the quota.
 *
 * Each run asks for its look when its own table says so at that price, and permits go out in the order of asking: the
 * earliest due first. How long looks wait for their permits is the error of a controller (PI) that sets the price.
 * Never all gaps stretched alike (oscillates), never the oldest first (starves).
 */

export interface PriceState {
  /** How many times as dear a look is as the knob says; 1 while the quota is not short. */
  readonly scarcity: number;
  /** The integral: the logarithm of the scarcity that has lasted. */
  readonly level: number;
  /** The latest looks, decayed: how many, their waits for a permit, and their gaps from look to look, in sum. */
  readonly looks: number;
  readonly lagMs: number;
  readonly gapMs: number;
}

export const noScarcity: PriceState = { scarcity: 1, level: 0, looks: 0, lagMs: 0, gapMs: 0 };

/** Looks that were permitted since the last exchange, in sum. */
export type PermittedLooks = Pick<PriceState, 'looks' | 'lagMs' | 'gapMs'>;

export const noLooks: PermittedLooks = { looks: 0, lagMs: 0, gapMs: 0 };

/** What looks may wait: enough that no permit stays unused, and less is no sign of a short quota. */
const goodLagMs = 1000;
/** A queue cannot be emptier than empty, so what is below the good lag counts so many times. */
const idleWeight = 8;
/**
 * Demand follows a price only as runs come to their next look, so the gap between looks is the measure of time: a lag
 * of one gap makes looks e³ times as dear, and raises the level by 0.4 within a gap.
 */
const proportional = 3;
const integral = 0.4;
const leastGapMs = 2000;
/** Where nothing has been looked at for a while. */
const idleGapMs = 10_000;
const memoryMs = 2000;
const negligible = 0.1;
const mostLevel = Math.log(10_000);

/** The price `elapsedMs` after `state`, with the looks that were permitted since. */
export function nextPrice(state: PriceState, permitted: PermittedLooks, elapsedMs: number): PriceState {
  const passedMs = Math.min(5000, Math.max(0, elapsedMs));
  const kept = Math.exp(-passedMs / memoryMs);
  const looks = state.looks * kept + permitted.looks;
  const lagMs = state.lagMs * kept + permitted.lagMs;
  const gapMs = state.gapMs * kept + permitted.gapMs;
  const isIdle = looks < negligible;
  const gap = isIdle ? idleGapMs : Math.max(leastGapMs, gapMs / looks);
  const excessMs = (isIdle ? 0 : lagMs / looks) - goodLagMs;
  const error = Math.min(1, (excessMs < 0 ? idleWeight * excessMs : excessMs) / gap);
  const level = within(state.level + (integral * error * passedMs) / gap);
  return { scarcity: Math.exp(within(level + proportional * error)), level, looks, lagMs, gapMs };
}

/** Whether looks wait longer than they should, whatever the price does about it. */
export function isBehind({ looks, lagMs }: PriceState): boolean {
  return looks >= negligible && lagMs / looks > goodLagMs;
}

function within(logPrice: number): number {
  return Math.min(mostLevel, Math.max(0, logPrice));
}
