/**
 * One price for the whole fleet when the quota is short: looks grow dearer until those that are due fit the quota.
 *
 * Each run is looked at when its own table says so at that price, the earliest due first. The lag of the earliest due
 * behind the clock is the error; the price is its integral. Never all gaps stretched alike (oscillates), never the
 * oldest first (starves).
 */

export interface PriceState {
  /** What a look costs now, milliseconds of delay. */
  readonly costMs: number;
}

export interface PriceOptions {
  /** The user's knob: the price while the quota is not short. */
  readonly baseCostMs: number;
  /** The price never rises above base times this; default 10,000. */
  readonly mostTimes: number;
  /** How fast the price follows: e-folds a second at full error; default 1/20. */
  readonly gainPerSecond: number;
  /** A lag of so much counts as full error; default 2 s. */
  readonly fullLagMs: number;
}

export const defaultPrice: Omit<PriceOptions, 'baseCostMs'> = {
  mostTimes: 10_000,
  gainPerSecond: 1 / 20,
  fullLagMs: 2000,
};

/**
 * The price after `elapsedMs` in which the earliest due look was `lagMs` late (negative: it was taken before its time,
 * because permits were idle).
 */
export function nextPrice(
  state: PriceState,
  lagMs: number,
  elapsedMs: number,
  options: PriceOptions,
): PriceState {
  const error = Math.min(1, Math.max(-1, lagMs / options.fullLagMs));
  const seconds = Math.min(5, Math.max(0, elapsedMs / 1000));
  const wanted = state.costMs * Math.exp(options.gainPerSecond * seconds * error);
  const most = options.baseCostMs * options.mostTimes;
  return { costMs: Math.min(most, Math.max(options.baseCostMs, wanted)) };
}

export interface DueLook {
  readonly runId: string;
  readonly classKey: string;
  readonly dueAtMs: number;
}

/**
 * Which looks to take now: the earliest due, overdue or not (a permit that lapses helps nobody), but no class more
 * than `classShare` of the permits while others are overdue. `candidates` in any order.
 */
export function chooseLooks(
  candidates: readonly DueLook[],
  permits: number,
  nowMs: number,
  classShare = 1,
): readonly DueLook[] {
  const byDue = candidates.toSorted((a, b) => a.dueAtMs - b.dueAtMs);
  const cap = Math.max(1, Math.ceil(permits * classShare));
  const taken = new Map<string, number>();
  const chosen: DueLook[] = [];
  const passedOver: DueLook[] = [];
  for (const look of byDue) {
    if (chosen.length >= permits) break;
    const ofClass = taken.get(look.classKey) ?? 0;
    if (ofClass >= cap || look.dueAtMs > nowMs) {
      passedOver.push(look);
      continue;
    }
    taken.set(look.classKey, ofClass + 1);
    chosen.push(look);
  }
  // Permits that are left go to whoever is next, caps or not.
  return [...chosen, ...passedOver.slice(0, Math.max(0, permits - chosen.length))];
}
