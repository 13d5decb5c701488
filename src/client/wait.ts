/** Waiting for a run's end by long polls: an answer comes when there is news, so nothing is asked in vain. */

import { RunfleetApiError, RunfleetConnectionError, RunfleetWaitTimeoutError } from './errors.ts';
import { retryableStatuses } from './retry.ts';
import type { Timing } from './retry.ts';
import { hasEnded } from './types.ts';
import type { EndedRun, RunView } from './types.ts';

export interface WaitOptions {
  /** Give up waiting after so long; the run goes on. Default: never. */
  readonly timeoutSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the run at every answer, the last one too. */
  readonly onUpdate?: ((run: RunView) => void) | undefined;
  /** How long one request may stay open. Default 50, most 60: proxies cut off what is silent for a minute. */
  readonly longPollSeconds?: number | undefined;
}

interface WaitDeps {
  readonly timing: Timing;
  /** One long poll of so many seconds. */
  readonly look: (waitSeconds: number) => Promise<RunView>;
}

const longestPollSeconds = 60;
/** A server that is gone for this long is not restarting. */
const longestOutageMs = 5 * 60_000;
/** Between answers that came early without an end (a run that waits for tools answers at once, each time). */
const shortestPauseMs = 1000;
const longestPauseMs = 5000;

export async function waitForEnd(deps: WaitDeps, options: WaitOptions): Promise<EndedRun> {
  const { timing } = deps;
  const timeoutMs = options.timeoutSeconds === undefined ? Infinity : options.timeoutSeconds * 1000;
  const deadlineMs = timing.nowMs() + timeoutMs;
  const pollSeconds = Math.min(options.longPollSeconds ?? 50, longestPollSeconds);
  let last: RunView | null = null;
  let lastAnswerAtMs = 0;
  let pauseMs = 0;
  for (;;) {
    const startedAtMs = timing.nowMs();
    const leftSeconds = Math.max(0, Math.ceil((deadlineMs - startedAtMs) / 1000));
    const waitSeconds = Math.min(pollSeconds, leftSeconds);
    try {
      last = await deps.look(waitSeconds);
      lastAnswerAtMs = timing.nowMs();
      options.onUpdate?.(last);
      if (hasEnded(last)) return last;
    } catch (error) {
      // The first answer must come: a wrong address or id shows at once. Later, a restart is waited out.
      const outageMs = timing.nowMs() - lastAnswerAtMs;
      if (last === null || !isPassing(error) || outageMs > longestOutageMs) throw error;
    }
    const nowMs = timing.nowMs();
    if (nowMs >= deadlineMs) throw new RunfleetWaitTimeoutError(last, timeoutMs / 1000);
    const early = nowMs - startedAtMs < (waitSeconds * 1000) / 2;
    pauseMs = early ? Math.min(Math.max(shortestPauseMs, pauseMs * 2), longestPauseMs) : 0;
    if (pauseMs > 0) await timing.sleep(Math.min(pauseMs, deadlineMs - nowMs), options.signal);
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof RunfleetConnectionError) return true;
  return error instanceof RunfleetApiError && retryableStatuses.has(error.status);
}
