import { ApiError } from './errors.ts';
import { SlidingWindow } from './window.ts';

export interface Limits {
  /** 0 = unlimited. */
  requestsPerMinute: number;
  /** 0 = unlimited. */
  tokensPerMinute: number;
}

/** A duration the way Go prints it, and so OpenAI's reset headers: `12ms`, `1s`, `6m0s`, `1h0m0.5s`. */
export function goDuration(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole === 0) return '0s';
  if (whole < 1000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = `${(whole % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** The headers of a 429: how long to wait, in both notations. */
export function retryAfterHeaders(waitMs: number): Record<string, string> {
  const whole = Math.max(1, Math.ceil(waitMs));
  return { 'retry-after': String(Math.ceil(whole / 1000)), 'retry-after-ms': String(whole) };
}

/** Requests and tokens over a sliding minute. Calls that were refused do not count. */
export class RateLimiter {
  #requests = new SlidingWindow();
  #tokens = new SlidingWindow();

  /** Takes the call's share, or throws the 429. */
  admit(limits: Limits, tokens: number, nowMs: number): void {
    const { requestsPerMinute: rpm, tokensPerMinute: tpm } = limits;
    if (rpm > 0) {
      const over = this.#requests.sum(nowMs) + 1 - rpm;
      if (over > 0) {
        const waitMs = this.#requests.msUntilFreed(nowMs, over);
        throw exceeded(`requests per min (RPM): Limit ${rpm}, Used ${rpm}, Requested 1`, 'requests', waitMs);
      }
    }
    if (tpm > 0 && tokens > 0) {
      if (tokens > tpm) throw tooLarge(tpm, tokens);
      const used = this.#tokens.sum(nowMs);
      const over = used + tokens - tpm;
      if (over > 0) {
        const waitMs = this.#tokens.msUntilFreed(nowMs, over);
        throw exceeded(
          `tokens per min (TPM): Limit ${tpm}, Used ${used}, Requested ${tokens}`,
          'tokens',
          waitMs,
        );
      }
      this.#tokens.add(nowMs, tokens);
    }
    if (rpm > 0) this.#requests.add(nowMs);
  }

  /** The `x-ratelimit-*` headers. None for what is unlimited. */
  headers(limits: Limits, nowMs: number): Record<string, string> {
    return {
      ...headersOf('requests', this.#requests, limits.requestsPerMinute, nowMs),
      ...headersOf('tokens', this.#tokens, limits.tokensPerMinute, nowMs),
    };
  }
}

function headersOf(
  unit: string,
  window: SlidingWindow,
  limit: number,
  nowMs: number,
): Record<string, string> {
  if (limit === 0) return {};
  return {
    [`x-ratelimit-limit-${unit}`]: String(limit),
    [`x-ratelimit-remaining-${unit}`]: String(Math.max(0, limit - window.sum(nowMs))),
    [`x-ratelimit-reset-${unit}`]: goDuration(window.msUntilEmpty(nowMs)),
  };
}

function exceeded(what: string, type: string, waitMs: number): ApiError {
  return new ApiError(
    429,
    `Rate limit reached for organization org-simulator on ${what}. Please try again in ${goDuration(waitMs)}.`,
    { type, code: 'rate_limit_exceeded', headers: retryAfterHeaders(waitMs) },
  );
}

/** More than a whole minute's tokens in one request: waiting would not help, so no time is named. */
function tooLarge(limit: number, tokens: number): ApiError {
  return new ApiError(
    429,
    `Request too large for organization org-simulator on tokens per min (TPM): Limit ${limit}, Requested ${tokens}.`,
    { type: 'tokens', code: 'rate_limit_exceeded' },
  );
}
