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

/** `get` looks a header up by its lower-case name, as `Headers.get` does. */
export function readRateHeaders(get: (name: string) => string | null | undefined): RateHeaders {
  return {
    limitRequests: count(get('x-ratelimit-limit-requests')),
    remainingRequests: count(get('x-ratelimit-remaining-requests')),
    resetRequestsMs: parseDurationMs(get('x-ratelimit-reset-requests')),
    limitTokens: count(get('x-ratelimit-limit-tokens')),
    remainingTokens: count(get('x-ratelimit-remaining-tokens')),
    resetTokensMs: parseDurationMs(get('x-ratelimit-reset-tokens')),
    retryAfterMs: readRetryAfterMs(get('retry-after-ms'), get('retry-after')),
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

/** Seconds, or milliseconds in the provider's own header. A date is not read: it would need the provider's clock. */
function readRetryAfterMs(ms: string | null | undefined, s: string | null | undefined): number | null {
  for (const [text, factor] of [
    [ms, 1],
    [s, 1000],
  ] as const) {
    const trimmed = text?.trim() ?? '';
    if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * factor;
  }
  return null;
}
