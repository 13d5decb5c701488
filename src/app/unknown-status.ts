import type { RunState } from '../domain/run.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** Logs a status that we do not know, once for each that the run goes through. */
export function noteUnknownStatus(
  runId: string,
  before: RunState,
  next: RunState,
  telemetry: Telemetry,
): void {
  if (next.phase !== 'following' || next.status !== 'unknown') return;
  if (before.phase === 'following' && before.rawStatus === next.rawStatus) return;
  telemetry.log('warn', 'The provider reports a status that runfleet does not know; it counts as running', {
    runId,
    providerRunId: next.providerRunId,
    status: next.rawStatus,
  });
}
