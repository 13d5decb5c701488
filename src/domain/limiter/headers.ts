/** Rate-limit headers of a reply, as OpenAI and its like send them. Anything unreadable counts as missing. */

export interface RateHeaders {
  /** Null where the header was missing or made no sense. */
  readonly limitRequests: number | null;
  readonly remainingRequests: number | null;
  readonly resetRequestsMs: number | null;
  readonly limitTokens: number | null;
  readonly remainingTokens: number | null;
  readonly resetTokensMs: number | null;
  readonly retryAfterMs: number | null;
}

/** Looks a header up by its lower-case name, as `Headers.get` does. */
type HeaderOf = (name: string) => string | null | undefined;

export function readRateHeaders(get: HeaderOf): RateHeaders {
  return {
    limitRequests: count(get('x-ratelimit-limit-requests')),
    remainingRequests: count(get('x-ratelimit-remaining-requests')),
    resetRequestsMs: parseDurationMs(get('x-ratelimit-reset-requests')),
    limitTokens: count(get('x-ratelimit-limit-tokens')),
    remainingTokens: count(get('x-ratelimit-remaining-tokens')),
    resetTokensMs: parseDurationMs(get('x-ratelimit-reset-tokens')),
    retryAfterMs: readRetryAfterMs(get, null),
  };
}

/** Above it, a number is somebody's "unlimited", and no sum with it would stay exact. */
const mostCount = 1e12;

function count(text: string | null | undefined): number | null {
  if (text === null || text === undefined || !/^\s*\d+(\.0+)?\s*$/.test(text)) return null;
  const value = Number(text);
  return value <= mostCount ? value : null;
}

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000001,
};

/** A duration as Go prints it: `1s`, `6m0s`, `12ms`, `1h0m0.5s`. A bare number is taken for seconds. */
export function parseDurationMs(text: string | null | undefined): number | null {
  const trimmed = text?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  if (!/^(\d+(\.\d+)?(h|ms|m|s|us|µs|ns))+$/.test(trimmed)) return null;
  let totalMs = 0;
  for (const [, number, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) {
    totalMs += Number(number) * (unitMs[unit ?? ''] ?? 0);
  }
  return totalMs;
}

/** Beyond it, a hint is somebody's mistake, and a sum with it no time any more. */
const mostRetryAfterMs = 86_400_000;

/**
 * `retry-after-ms`, else `retry-after` in seconds or as a date: of the provider's clock, which `date` shows. `nowMs` is
 * ours, for an answer without a `date`; with null such a date counts as missing.
 */
export function readRetryAfterMs(get: HeaderOf, nowMs: number | null): number | null {
  const hint = hintMs(get, nowMs);
  return hint === null ? null : Math.min(Math.max(0, hint), mostRetryAfterMs);
}

function hintMs(get: HeaderOf, nowMs: number | null): number | null {
  const inMs = numberOf(get('retry-after-ms'));
  if (inMs !== null && inMs >= 0) return inMs;
  const text = get('retry-after');
  const seconds = numberOf(text);
  if (seconds !== null) return seconds * 1000;
  const untilMs = Date.parse(text ?? '');
  const theirsMs = Date.parse(get('date') ?? '');
  const sinceMs = Number.isNaN(theirsMs) ? nowMs : theirsMs;
  return Number.isNaN(untilMs) || sinceMs === null ? null : untilMs - sinceMs;
}

function numberOf(text: string | null | undefined): number | null {
  const value = Number((text ?? '').trim() || Number.NaN);
  return Number.isFinite(value) ? value : null;
}
