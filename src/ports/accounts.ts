import type { QuotaView } from '../domain/limiter/view.ts';
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
  /** The same object until it is read again; null where nothing is known yet. Never waits. */
  standing(): Standing | null;
}

/** How an account was found when it was last read, about a second ago. */
export interface Standing {
  /** Null where it could not be read. */
  readonly quota: QuotaView | null;
  /** The provider refused its credential within the last minute. */
  readonly isRefused: boolean;
}

/** The accounts that this process holds the keys of. */
export interface Accounts {
  /** Null where there is none of this name here. Undefined, as in states of older versions: the default account. */
  of(name: string | undefined): Account | null;
  /**
   * Where a new run may go that names this account or pool (null: the default account), best first. Empty where there
   * is nothing of this name. The first is taken to be used, for `tokens` and a call.
   */
  candidates(name: string | null, tokens: number): readonly Account[];
  /** Whether a run that names `name` could go to another account that is not refused. */
  hasOther(name: string | null, than: string): boolean;
}
