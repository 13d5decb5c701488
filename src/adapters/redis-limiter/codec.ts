/** What goes to the script and comes from it. */

import { type Answer, askKinds } from '../../domain/limiter/booking.ts';
import { type PerClass, perClass } from '../../domain/limiter/classes.ts';
import { type AccountState, emptyAccount } from '../../domain/limiter/state.ts';
import type { StepReply, StepRequest } from '../../domain/limiter/step.ts';
import type { LimiterTerms } from '../../domain/limiter/terms.ts';
import { ringCells } from '../../domain/limiter/usage.ts';
import type { LimiterKeys } from './keys.ts';

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

export function encodeStep(keys: LimiterKeys, terms: LimiterTerms, request: StepRequest): ScriptCall {
  const withTokens = request.asks.filter((ask) => ask.tokens > 0);
  const ids = [...new Set([...withTokens, ...request.settle].map(({ id }) => id))];
  const body = {
    ids,
    asks: request.asks.map((ask) => [ask.classIndex, askKinds.indexOf(ask.kind), ask.tokens, ask.id]),
    back: request.back.map(String),
    backEpoch: request.backEpoch,
    pauseUs: request.pauseUs,
    // `null` would be true in Lua.
    seen: request.seen ?? false,
    sent: request.sent,
    settle: request.settle.map(({ id, tokens }) => [id, tokens]),
  };
  return {
    keys: [keys.state, ...ids.map((id) => keys.tokens(id))],
    args: [JSON.stringify(terms), JSON.stringify(body), keys.channel],
  };
}

/** Throws a `TypeError` for a reply that is not the script's. */
export function decodeReply(raw: unknown): StepReply {
  if (!Array.isArray(raw)) throw new TypeError('The limiter script answered with something unreadable.');
  const [now, epoch, head, answers] = raw.map(String);
  const nowUs = Number(now);
  const [pausedUs, spacingUs, reachUs, limit, aheadUs] = numbersOf(head);
  const flat = numbersOf(answers);
  if (epoch === undefined || limit === undefined || !Number.isFinite(nowUs)) {
    throw new TypeError('The limiter script answered with something unreadable.');
  }
  return {
    answers: Array.from({ length: flat.length / 2 }, (_, i) =>
      decodeAnswer(flat[2 * i], nowUs + (flat[2 * i + 1] ?? 0)),
    ),
    epoch,
    nowUs,
    pausedUntilUs: nowUs + (pausedUs ?? 0),
    spacingUs: spacingUs ?? 0,
    reachUs: reachUs ?? 0,
    limit,
    aheadUs: aheadUs ?? 0,
  };
}

function numbersOf(text: string | undefined): number[] {
  const parsed: unknown = JSON.parse(text ?? '[]');
  return Array.isArray(parsed) ? parsed.map(Number) : [];
}

/** As `booking.ts` of the script numbers them. */
const reasons: Readonly<Record<number, 'quota' | 'paused' | 'tokens'>> = {
  2: 'quota',
  3: 'paused',
  4: 'tokens',
};

function decodeAnswer(code: number | undefined, atUs: number): Answer {
  if (code === 1) return { type: 'slot', atUs };
  if (code === 5 || code === 6) return { type: 'far', atUs, reason: code === 5 ? 'quota' : 'paused' };
  const reason = reasons[code ?? 0];
  if (reason === undefined) throw new TypeError('The limiter script gave an answer of an unknown kind.');
  return { type: 'later', atUs, reason };
}

function five(values: readonly number[], from = 0): PerClass {
  let at = from;
  return perClass(() => values[at++] ?? 0);
}

/** The state as it lies in Redis; null when there is none. Reservations are keys of their own, and not in it. */
export function decodeState(fields: Readonly<Record<string, string>>): AccountState | null {
  if (fields['epoch'] === undefined) return null;
  const number = (name: string): number => Number(fields[name] ?? 0);
  const list = (name: string): number[] => (fields[name] ?? '').split(',').filter(Boolean).map(Number);
  const six = (name: string): AccountState['limits'] => {
    const values = list(name);
    return [values[0] ?? 0, ...five(values, 1)];
  };
  const state: AccountState = {
    ...emptyAccount(),
    epoch: fields['epoch'],
    fencedUntilUs: number('fencedUntil'),
    pausedUntilUs: number('pausedUntil'),
    limits: six('limits'),
    nextUs: six('next'),
    debts: list('debts'),
    free: list('free'),
    learned: number('learned'),
    learnedAtUs: number('learnedAt'),
    ceiling: number('ceiling'),
    rate: number('rate'),
    rateAtUs: number('rateAt'),
    cutAtUs: number('cutAt'),
    foreign: number('foreign'),
    foreignAtUs: number('foreignAt'),
    yieldedAtUs: number('yieldedAt'),
    bucketUntilUs: number('bucketUntil'),
    level: number('level'),
    levelAtUs: number('levelAt'),
    shareUs: five(list('share')),
    freshUs: five(list('fresh')),
    againUs: five(list('again')),
    askedUs: five(list('asked')),
    gapUs: five(list('gap')),
    tokensLearned: number('tokensLearned'),
    tokensForeign: number('tokensForeign'),
    tokensForeignAtUs: number('tokensForeignAt'),
    tokensFreshUs: number('tokensFresh'),
    tokensAgainUs: number('tokensAgain'),
    tokensGapUs: number('tokensGap'),
    tokensUsed: number('tokensUsed'),
    tokensAsked: number('tokensAsked'),
    holdId: fields['holdId'] ?? '',
    holdTokens: number('holdTokens'),
    holdUntilUs: number('holdUntil'),
  };
  for (let at = 0; at < ringCells; at++) {
    const calls = list(`u${at}`);
    if (calls.length > 0) state.usage.set(at, { bucket: calls[0] ?? 0, calls: five(calls, 1) });
    const tokens = list(`t${at}`);
    if (tokens.length > 0) state.tokenUse.set(at, { bucket: tokens[0] ?? 0, tokens: tokens[1] ?? 0 });
  }
  return state;
}
