/** What comes of one try to deliver a callback: done, again at some time, or given up. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Before each try; 27.6 hours in all. Those of Standard Webhooks. */
const waitsMs = [0, 5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 10 * hour] as const;

/** Tries of one callback. */
export const callbackTries = waitsMs.length;

/** Share by which each wait is spread to both sides, so that what failed together does not come back together. */
const jitter = 0.1;
/** An endpoint may ask for more time than the next wait, but not for ever. */
const mostRetryAfterMs = 10 * hour;

/** What one try met. */
export type TryResult =
  | { readonly answered: true; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly answered: false; readonly reason: string; readonly code: string };

export type Verdict =
  | { readonly type: 'delivered' }
  /** `reason`: a few words, for the log and for people. */
  | { readonly type: 'again'; readonly delayMs: number; readonly reason: string }
  /** `gone`: the endpoint said 410. `blocked`: its address may not be called. `exhausted`: the last try failed. */
  | {
      readonly type: 'dead';
      readonly result: 'gone' | 'blocked' | 'exhausted';
      readonly reason: string;
    };

/** `tried`: how often, with this try. `random`: from [0, 1). */
export function verdictOf(result: TryResult, tried: number, random: number): Verdict {
  if (result.answered && result.status >= 200 && result.status < 300) return { type: 'delivered' };
  const reason = result.answered ? `answered ${result.status}` : result.code;
  if (result.answered && result.status === 410) return { type: 'dead', result: 'gone', reason };
  if (!result.answered && (result.reason === 'blocked' || result.reason === 'invalid_url')) {
    return { type: 'dead', result: 'blocked', reason };
  }
  if (tried >= callbackTries) return { type: 'dead', result: 'exhausted', reason };
  return {
    type: 'again',
    delayMs: waitMs(tried, result.answered ? result.retryAfterMs : null, random),
    reason,
  };
}

function waitMs(tried: number, retryAfterMs: number | null, random: number): number {
  const plannedMs = (waitsMs[tried] ?? 0) * (1 - jitter + 2 * jitter * random);
  const askedMs = Math.min(retryAfterMs ?? 0, mostRetryAfterMs) * (1 + jitter * random);
  return Math.round(Math.max(plannedMs, askedMs));
}
