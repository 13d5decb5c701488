import type { RunView } from '../../src/client/index.ts';
import type { LedgerRun } from '../../src/simulator/index.ts';
import type { Evidence } from '../evidence.ts';

export interface Breach {
  /** The runs whose stories tell more. */
  readonly runIds: readonly string[];
  readonly what: string;
}

export interface Check {
  readonly name: string;
  readonly promise: string;
  readonly find: (evidence: Evidence) => Breach[];
  /** What was looked at: a check of nothing shows nothing. */
  readonly seen: (evidence: Evidence) => string;
}

export function breach(what: string, ...runIds: readonly (string | null)[]): Breach {
  return { what, runIds: runIds.filter((id) => id !== null) };
}

/** The provider's runs of one run, the oldest first. */
export function providerRunsOf({ ledger }: Evidence, runId: string): LedgerRun[] {
  return ledger.runs
    .filter(({ runfleetId }) => runfleetId === runId)
    .toSorted((a, b) => a.createdAtMs - b.createdAtMs);
}

/** The outcome itself says that something may run, or have run, at the provider that it knows nothing of. */
export function admitsOrphan({ status, error }: RunView): boolean {
  if (error?.code === 'ambiguous_create') return true;
  return (
    (status === 'cancelled' || status === 'timed_out') &&
    /may still run|did not confirm/.test(error?.message ?? '')
  );
}

export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
