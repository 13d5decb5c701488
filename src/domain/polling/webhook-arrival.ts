/**
 * How likely a webhook is to tell of a run's end: a filter over an endpoint that is up or down.
 *
 * While it is up, webhooks arrive with a chance that is learnt slowly. Each run that is found over by a look, with no
 * webhook before it, is evidence that the endpoint is down: one loss raises a doubt that the next arrivals settle, two
 * or three in a row give the endpoint up.
 */

export interface ArrivalState {
  /** Decayed counts of webhooks that came and that did not, while the endpoint was up. */
  readonly arrived: number;
  readonly missed: number;
  /** The chance that the endpoint is down now. */
  readonly down: number;
  /** How long a webhook takes from the run's end, decayed mean. */
  readonly latencyMs: number;
}

export interface ArrivalOptions {
  /** Runs after which the counts have half forgotten. */
  readonly halfLife: number;
  /** The chance, at each run, that an endpoint that was up is down now. */
  readonly failChance: number;
  /** The chance, at each run, that one that was down is up again. */
  readonly recoverChance: number;
  /** The chance that a webhook arrives from an endpoint that is down. */
  readonly downChance: number;
}

export const defaultArrival: ArrivalOptions = {
  halfLife: 500,
  failChance: 1 / 300,
  recoverChance: 1 / 50,
  downChance: 0.02,
};

/** Nothing is known but that a secret is set: who sets one has webhooks on their way. Two or three missed ones undo it. */
export const unknownArrival: ArrivalState = { arrived: 4, missed: 0.25, down: 0.04, latencyMs: 1000 };

/**
 * - `arrived`: the webhook told of the end. `latencyMs`: from the end to the webhook.
 * - `missed`: a look found the run over. `silentMs`: how long after the end no webhook had come; soon after it, one
 *   may still be on its way, and little is learnt.
 * - `silent`: neither a webhook nor a look has told of runs of which `expectedEnds` should have ended by now. Weak, but
 *   many runs in flight know it long before the first of them is looked at. Negative: taken back, since a look has found
 *   them still going.
 */
export type ArrivalEvidence =
  | { readonly type: 'arrived'; readonly latencyMs: number | null }
  | { readonly type: 'missed'; readonly silentMs: number }
  | { readonly type: 'silent'; readonly expectedEnds: number };

/** The chance that a webhook will tell of the next run's end. */
export function arrivalChance(state: ArrivalState, options: ArrivalOptions = defaultArrival): number {
  return (1 - state.down) * upChance(state) + state.down * options.downChance;
}

/** Three webhooks (less what was forgotten) prove that they come; as much doubt as only misses can raise, the contrary. */
const provenBy = 2.5;
const mostDoubt = 0.95;

/** Webhooks have come, and still do: whoever is not told of goes on. A secret alone proves nothing. */
function isProven({ arrived, down }: ArrivalState): boolean {
  return arrived >= unknownArrival.arrived + provenBy && down < mostDoubt;
}

/** So many more are taken for missed: who believes in webhooks does not look, and would never learn of those missed. */
const mayBeMissed = 10;

/** The least chance that an end is told of, which silence is held against: 0 while nothing is proven. */
export function provenChance(state: ArrivalState): number {
  const { arrived, missed, down } = state;
  return isProven(state) ? ((1 - down) * arrived) / (arrived + missed + mayBeMissed) : 0;
}

/** Below the first, webhooks have stopped; they come again above the second: nobody hears of each doubt. */
const stoppedBelow = 0.2;
const backAbove = 0.7;

/** `before`: whether they had, as far as was said. */
export function webhooksHaveStopped(chance: number, before = false): boolean {
  return chance < (before ? backAbove : stoppedBelow);
}

export function learnArrival(
  state: ArrivalState,
  evidence: ArrivalEvidence,
  options: ArrivalOptions = defaultArrival,
): ArrivalState {
  const ok = upChance(state);
  if (evidence.type === 'silent')
    return { ...state, down: afterSilence(state, evidence.expectedEnds, options) };
  const before = state.down * (1 - options.recoverChance) + (1 - state.down) * options.failChance;
  if (evidence.type === 'arrived') {
    const down = posterior(before, options.downChance, ok);
    const latencyMs =
      evidence.latencyMs === null
        ? state.latencyMs
        : state.latencyMs + 0.1 * (Math.max(0, evidence.latencyMs) - state.latencyMs);
    return { ...counted(state, options, 1 - down, 0), down, latencyMs };
  }
  // The share of webhooks that would have been here by now.
  const due = 1 - Math.exp(-Math.max(0, evidence.silentMs) / Math.max(1, state.latencyMs));
  const down = posterior(before, 1 - options.downChance * due, 1 - ok * due);
  return { ...counted(state, options, 0, (1 - down) * due), down };
}

/** Silence alone, which may be our own mistake about durations, never proves more than this. */
const mostBySilence = 0.9;

/** Silence is told of at many reviews of a run, so it makes a failure less likely beforehand than an end does. */
const silentFailShare = 0.25;

function afterSilence(
  { down, ...counts }: ArrivalState,
  expectedEnds: number,
  options: ArrivalOptions,
): number {
  const failed = silentFailShare * options.failChance * Math.max(0, expectedEnds);
  const before = down + (1 - down) * failed;
  const after = posterior(before, 1, Math.exp(-upChance(counts) * expectedEnds));
  return expectedEnds > 0 ? Math.max(down, Math.min(mostBySilence, after)) : after;
}

function upChance({ arrived, missed }: Pick<ArrivalState, 'arrived' | 'missed'>): number {
  return arrived / (arrived + missed);
}

function posterior(prior: number, ifDown: number, ifUp: number): number {
  const down = (prior * ifDown) / (prior * ifDown + (1 - prior) * ifUp);
  // Never certain: what cannot be doubted cannot be unlearnt.
  return Math.min(0.999, Math.max(1e-4, down));
}

function counted(
  state: ArrivalState,
  options: ArrivalOptions,
  arrived: number,
  missed: number,
): ArrivalState {
  const kept = 2 ** (-(arrived + missed) / options.halfLife);
  // A floor on either keeps the chance inside (0, 1).
  return {
    ...state,
    arrived: Math.max(0.01, state.arrived * kept + arrived),
    missed: Math.max(0.01, state.missed * kept + missed),
  };
}
