/** When to send a request again: time arithmetic only. */

/** Passed in by tests, so that no test waits. */
export interface Timing {
  /** Milliseconds; only differences count. */
  nowMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A draw from [0, 1). */
  random(): number;
}

export const realTiming: Timing = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(reasonOf(signal));
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        if (signal !== undefined) reject(reasonOf(signal));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  random: () => Math.random(),
};

/** A signal's reason may be anything; ours are errors. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('Aborted', { cause: reason });
}

const firstDelayMs = 250;
const longestDelayMs = 8000;
/** A server that asks for more than this is not worth a silent wait: the caller gets the error, and decides. */
const longestRetryAfterMs = 60_000;

/**
 * How long to wait before attempt `attempt + 1` (`attempt` counts from 1); null when it is not worth it.
 * `Retry-After` beats our own backoff and is never jittered: the server knows.
 */
export function retryDelayMs(attempt: number, retryAfterMs: number | null, random: number): number | null {
  if (retryAfterMs !== null) return retryAfterMs <= longestRetryAfterMs ? retryAfterMs : null;
  const ceiling = Math.min(firstDelayMs * 2 ** (attempt - 1), longestDelayMs);
  return Math.round(ceiling * (0.5 + random / 2));
}

/** `Retry-After`: seconds or an HTTP date. Null when absent or neither. */
export function parseRetryAfter(header: string | null, wallClockMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  // `Date.parse` takes "-1" for a year.
  const date = /^[A-Za-z]{3},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - wallClockMs);
}

/** Statuses that say: not now. */
export const retryableStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Of these, the ones that also say: and nothing was done. */
export const refusedStatuses: ReadonlySet<number> = new Set([429, 503]);

const neverSent: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The system's code of what made `fetch` fail, such as `ECONNREFUSED`. It hides in the cause. */
export function networkCode(error: unknown): string | null {
  for (let current: unknown = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    if ('code' in current && typeof current.code === 'string') return current.code;
    current = current.cause;
  }
  return null;
}

/** The server's word for a 503 that may hide that the request was carried out. */
export const unknownAcceptance = '/docs#problem-acceptance-unknown';

export function isNeverSent(code: string | null): boolean {
  return code !== null && neverSent.has(code);
}
