import type { Clock } from '../../../src/ports/clock.ts';
import type { ProviderHealth, ProviderTrouble } from '../../../src/ports/provider-health.ts';

export class FakeProviderHealth implements ProviderHealth {
  readonly reports: ProviderTrouble[] = [];
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  reportUnauthorized(message: string): Promise<void> {
    this.reports.push({ message, atMs: this.clock.nowMs() });
    return Promise.resolve();
  }

  current(): Promise<ProviderTrouble | null> {
    return Promise.resolve(this.isRefused() ? (this.reports.at(-1) ?? null) : null);
  }

  isRefused(): boolean {
    const latest = this.reports.at(-1);
    return latest !== undefined && this.clock.nowMs() - latest.atMs < 60_000;
  }
}
