import type { RunKind } from '../domain/status.ts';
import type { ProviderHealth } from './provider-health.ts';
import type { RateGate } from './rate-gate.ts';
import type { RunProvider } from './run-provider.ts';

/** One credential at one server. What a call does to its quota and its good name touches no other account. */
export interface Account {
  readonly name: string;
  readonly providers: Readonly<Record<RunKind, RunProvider>>;
  readonly gate: RateGate;
  readonly health: ProviderHealth;
}

/** The accounts that this process holds the keys of. */
export interface Accounts {
  /** Null where there is none of this name here. Undefined, as in states of older versions: the default account. */
  of(name: string | undefined): Account | null;
  /**
   * Where a new run may go that names this account or pool (null: the default account), best first. Empty where there
   * is nothing of this name. Never rejects: what cannot be read of a quota counts as nothing left.
   */
  candidates(name: string | null, tokens: number): Promise<readonly Account[]>;
}
