import { Pacing } from '../../../src/app/pacing.ts';
import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import type { PacingState } from '../../../src/domain/polling/pacing.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { PacingStore } from '../../../src/ports/pacing-store.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';

/** What the fleet agrees on, in memory. */
export class FakePacingStore implements PacingStore {
  /** True: every call rejects, as without Redis. */
  unavailable = false;
  private readonly clock: Clock;
  private readonly states = new Map<string, PacingState>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  async update(
    account: string,
    change: (before: PacingState | null, nowMs: number) => PacingState,
  ): Promise<PacingState> {
    await this.touch();
    const after = change(this.states.get(account) ?? null, this.clock.nowMs());
    this.states.set(account, after);
    return after;
  }

  async read(account: string): Promise<PacingState | null> {
    await this.touch();
    return this.states.get(account) ?? null;
  }

  private async touch(): Promise<void> {
    await Promise.resolve();
    if (this.unavailable) throw new StoreUnavailableError('The pacing store is switched off.');
  }
}

/** Of a process with one account, whose webhooks come. */
export function aPacing(store: PacingStore, telemetry: Telemetry): Pacing {
  const accounts = new Map([['default', { id: 'own', hasWebhooks: true }]]);
  return new Pacing({ store, accounts, costMs: 1000, telemetry });
}
