/** A provider that others use too, and one saturated fleet in front of it, tick by tick in virtual time. */
import type { Ask } from '../../../../src/domain/limiter/booking.ts';
import type { Observation } from '../../../../src/domain/limiter/learning.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
import { emptyRequest, step } from '../../../../src/domain/limiter/step.ts';
import { type LimiterSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';

export interface ProviderOptions {
  readonly settings: LimiterSettings;
  /** `window`: counts a sliding window; `bucket`: refills all the time. */
  readonly counting: 'window' | 'bucket';
  readonly sendsHeaders: boolean;
  /** By time: its limit, and what others send, both a window. */
  readonly limitAt: (ms: number) => number;
  readonly othersAt: (ms: number) => number;
  readonly forMs: number;
}

export interface ProviderResult {
  readonly sent: number;
  readonly throttled: number;
  /** What we were let through, in the last third. */
  readonly passedLately: number;
}

const tickMs = 10;
const replyMs = 60;

export function runAgainst(options: ProviderOptions): ProviderResult {
  const terms = termsOf(options.settings);
  const { windowMs } = options.settings;
  let state: AccountState | null = null;
  let sent = 0;
  let throttled = 0;
  let passedLately = 0;
  let others = 0;
  let waiting = 0;
  const startUs = 1_760_000_000_000_000;
  const server = new Server(options);
  let booked: number[] = [];
  let replies: { atMs: number; observation: Observation; retryAfterMs: number | null }[] = [];
  let news = null as Observation | null;

  for (let ms = 0; ms < options.forMs; ms += tickMs) {
    const nowUs = startUs + ms * 1000;
    others += (options.othersAt(ms) / windowMs) * tickMs;
    for (; others >= 1; others--) server.arrive(ms);

    for (const slotUs of booked.filter((atUs) => atUs <= nowUs)) {
      if ((state?.pausedUntilUs ?? 0) > slotUs) continue;
      sent++;
      const isIn = server.arrive(ms);
      if (!isIn) throttled++;
      else if (ms > (options.forMs * 2) / 3) passedLately++;
      const headers = options.sendsHeaders
        ? server.headers(ms)
        : { limitRequests: -1, remainingRequests: -1 };
      const bareThrottles = !isIn && !options.sendsHeaders ? 1 : 0;
      const throttles = !isIn && options.sendsHeaders ? 1 : 0;
      const observation = {
        ...headers,
        atUs: nowUs,
        limitTokens: -1,
        remainingTokens: -1,
        throttles,
        bareThrottles,
      };
      replies.push({ atMs: ms + replyMs, observation, retryAfterMs: isIn ? null : server.retryAfterMs(ms) });
    }
    booked = booked.filter((atUs) => atUs > nowUs);

    const due = replies.filter(({ atMs }) => atMs <= ms);
    replies = replies.filter(({ atMs }) => atMs > ms);
    let pauseMs = 0;
    for (const { observation, retryAfterMs } of due) {
      news = {
        ...observation,
        throttles: (news?.throttles ?? 0) + observation.throttles,
        bareThrottles: (news?.bareThrottles ?? 0) + observation.bareThrottles,
      };
      pauseMs = Math.max(pauseMs, retryAfterMs ?? 0);
    }
    // As the front does: news travels with the trips, here each tenth of a second, 429s at once.
    const isTrip = ms % 100 === 0 || pauseMs > 0;
    if (!isTrip) continue;
    waiting = Math.min(waiting + 50, 400);
    const asks = Array.from({ length: waiting }, (): Ask => ({
      classIndex: 1,
      kind: 'returning',
      tokens: 0,
      id: '',
    }));
    const done = step(
      state,
      terms,
      { ...emptyRequest, asks, seen: news, pauseUs: pauseMs * 1000 },
      nowUs,
      'e',
    );
    state = { ...done.state, againUs: [0, 0, 0, 0, 0] };
    news = null;
    for (const answer of done.reply.answers) {
      if (answer.type !== 'slot') continue;
      booked.push(answer.atUs);
      waiting--;
    }
  }
  return { sent, throttled, passedLately };
}

class Server {
  private readonly options: ProviderOptions;
  private arrivals: number[] = [];
  private level: number;
  private atMs = 0;

  constructor(options: ProviderOptions) {
    this.options = options;
    this.level = options.limitAt(0);
  }

  arrive(ms: number): boolean {
    this.advance(ms);
    if (this.remaining(ms) < 1) return false;
    this.arrivals.push(ms);
    this.level--;
    return true;
  }

  headers(ms: number): { readonly limitRequests: number; readonly remainingRequests: number } {
    return {
      limitRequests: this.options.limitAt(ms),
      remainingRequests: Math.max(0, Math.floor(this.remaining(ms))),
    };
  }

  retryAfterMs(ms: number): number {
    const { counting, settings, limitAt } = this.options;
    if (counting === 'bucket') return settings.windowMs / limitAt(ms);
    // Until there is room for one again.
    const over = Math.max(0, this.arrivals.length - limitAt(ms));
    return Math.max(1, (this.arrivals[over] ?? ms) + settings.windowMs - ms);
  }

  private remaining(ms: number): number {
    return this.options.counting === 'bucket' ? this.level : this.options.limitAt(ms) - this.arrivals.length;
  }

  private advance(ms: number): void {
    const { settings, limitAt } = this.options;
    this.arrivals = this.arrivals.filter((atMs) => atMs > ms - settings.windowMs);
    this.level = Math.min(limitAt(ms), this.level + (limitAt(ms) / settings.windowMs) * (ms - this.atMs));
    this.atMs = ms;
  }
}
