import type { FaultDetails } from '../domain/fault.ts';
import type { Clock } from '../ports/clock.ts';
import type { ProviderHealth } from '../ports/provider-health.ts';
import type { RateGate } from '../ports/rate-gate.ts';
import type { Telemetry } from '../ports/telemetry.ts';

interface ShareFaultDeps {
  /** The account's. */
  readonly name: string;
  readonly telemetry: Telemetry;
  readonly gate: RateGate;
  readonly clock: Clock;
  readonly health: ProviderHealth;
}

/** Of all runs of the account, by what one answer said: the next 429 can say it again. */
const longestPauseMs = 3_600_000;

/** Tells the fleet of a fault that is not one run's but its account's: a 429, or a credential that is refused. */
export async function shareFault(
  fault: FaultDetails,
  { name, telemetry, gate, clock, health }: ShareFaultDeps,
): Promise<void> {
  if (fault.type === 'throttled') {
    telemetry.throttled(name);
    if (fault.retryAfterMs !== null)
      await gate.pauseUntil(clock.nowMs() + Math.min(fault.retryAfterMs, longestPauseMs));
  }
  if (fault.type === 'unauthorized') await health.reportUnauthorized(fault.message);
}
