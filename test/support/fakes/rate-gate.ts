import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Permit, PermitAsk, RateGate } from '../../../src/ports/rate-gate.ts';

/** What the gates of one fleet share. */
export class SharedQuota {
  pausedUntilMs = 0;
  readonly grantedAtMs: number[] = [];
  readonly limit: number;
  readonly windowMs: number;

  constructor(limit = Infinity, windowMs = 60_000) {
    this.limit = limit;
    this.windowMs = windowMs;
  }
}

/** Lets everything through until it is told otherwise, or the quota it shares is used up (a sliding window). */
export class FakeRateGate implements RateGate {
  /** Every question, with its answer. */
  readonly asked: (Pick<PermitAsk, 'callClass' | 'tokens'> & { readonly permit: Permit })[] = [];
  readonly givenBack: string[] = [];
  /** Tokens by reservation. */
  readonly settled = new Map<string, number>();
  /** True: every call rejects, as without Redis. */
  unavailable = false;
  readonly quota: SharedQuota;
  private readonly clock: Clock;
  private readonly scripted: Permit[] = [];

  constructor(clock: Clock, quota: SharedQuota = new SharedQuota()) {
    this.clock = clock;
    this.quota = quota;
  }

  /** The next call is not let through, whatever its class. */
  denyNext(atMs: number, reason: 'paused' | 'quota' = 'quota', ticket: string | null = null): void {
    this.scripted.push({ granted: false, atMs, reason, ticket });
  }

  async acquire({ callClass, tokens }: PermitAsk): Promise<Permit> {
    await Promise.resolve();
    this.refuseWhileUnavailable();
    const permit = this.scripted.shift() ?? this.decide();
    this.asked.push({ callClass, permit, ...(tokens === undefined ? {} : { tokens }) });
    return permit;
  }

  async pauseUntil(untilMs: number): Promise<void> {
    await Promise.resolve();
    this.refuseWhileUnavailable();
    this.quota.pausedUntilMs = Math.max(this.quota.pausedUntilMs, untilMs);
  }

  giveBack(ticket: string): void {
    this.givenBack.push(ticket);
  }

  observe(): void {}

  settleTokens(id: string, tokens: number): void {
    this.settled.set(id, tokens);
  }

  private decide(): Permit {
    const nowMs = this.clock.nowMs();
    const { quota } = this;
    if (nowMs < quota.pausedUntilMs)
      return { granted: false, atMs: quota.pausedUntilMs, reason: 'paused', ticket: null };
    const recent = quota.grantedAtMs.filter((atMs) => atMs > nowMs - quota.windowMs);
    const oldest = recent[0];
    if (recent.length >= quota.limit && oldest !== undefined)
      return { granted: false, atMs: oldest + quota.windowMs, reason: 'quota', ticket: null };
    quota.grantedAtMs.push(nowMs);
    return { granted: true, waitedMs: 0 };
  }

  private refuseWhileUnavailable(): void {
    if (this.unavailable) throw new StoreUnavailableError('The rate gate is switched off.');
  }
}
