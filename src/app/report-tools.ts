import type { RunSpec, RunState } from '../domain/run.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** Tells of the calls that `after` knows to be answered and `before` did not. A crash may tell of one again. */
export function reportTools(spec: RunSpec, before: RunState, after: RunState, telemetry: Telemetry): void {
  const known = new Set((before.tools?.notes ?? []).map(([round, id]) => `${round}:${id}`));
  for (const [round, id, tool, result, startedAtMs, endedAtMs] of after.tools?.notes ?? []) {
    if (known.has(`${round}:${id}`)) continue;
    const durationMs = startedAtMs === null ? null : Math.max(0, endedAtMs - startedAtMs);
    telemetry.toolCall({ kind: spec.kind, tool, result, durationMs });
  }
}
