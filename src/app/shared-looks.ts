/**
 * Looks at runs that a provider can show in one call: those that are due together in this process share one permit and
 * one call. The first one waits for the permit, and whoever comes meanwhile joins it.
 */

import type { ProviderRef, ProviderSnapshot } from '../domain/snapshot.ts';
import type { RunKind } from '../domain/status.ts';
import type { RunState } from '../domain/run.ts';
import type { Accounts } from '../ports/accounts.ts';
import type { GroupLooks } from '../ports/run-provider.ts';
import { refOf } from './run-calls.ts';

/** What became of a look that was joined. */
export type Joined =
  | { readonly type: 'seen'; readonly snapshot: ProviderSnapshot }
  /** There was no permit: the one that was joined comes back then. */
  | { readonly type: 'later'; readonly untilMs: number }
  /** It told nothing of this run, which needs a look of its own. */
  | { readonly type: 'alone' };

interface Member {
  readonly ref: ProviderRef;
  readonly resolve: (joined: Joined) => void;
}

/** A look that waits for its permit. `end` must be called, whatever happens. */
export class OpenLook {
  private readonly ref: ProviderRef;
  private readonly retrieveMany: GroupLooks['retrieveMany'];
  private readonly close: () => void;
  private members: Member[] = [];

  constructor(ref: ProviderRef, retrieveMany: GroupLooks['retrieveMany'], close: () => void) {
    this.ref = ref;
    this.retrieveMany = retrieveMany;
    this.close = close;
  }

  isShared(): boolean {
    return this.members.length > 0;
  }

  /** Null when the call can take no more. */
  join(ref: ProviderRef, most: number): Promise<Joined> | null {
    if (this.members.length + 1 >= most) return null;
    return new Promise((resolve) => {
      this.members.push({ ref, resolve });
    });
  }

  refused(untilMs: number): void {
    this.answer(() => ({ type: 'later', untilMs }));
  }

  /** The one call. Null: it told nothing of the first run. Rejects as the provider does. */
  async send(): Promise<ProviderSnapshot | null> {
    this.close();
    const seen = await this.retrieveMany([this.ref, ...this.members.map(({ ref }) => ref)]);
    this.answer(({ providerRunId }) => {
      const snapshot = seen.get(providerRunId);
      return snapshot === undefined ? { type: 'alone' } : { type: 'seen', snapshot };
    });
    return seen.get(this.ref.providerRunId) ?? null;
  }

  /** Nobody waits any longer: those that were not answered look for themselves. */
  end(): void {
    this.answer(() => ({ type: 'alone' }));
  }

  private answer(of: (ref: ProviderRef) => Joined): void {
    this.close();
    for (const { ref, resolve } of this.members) resolve(of(ref));
    this.members = [];
  }
}

/** `leads`: it asks for a permit itself, and others may join; a null look takes nobody along. */
export type Seat =
  | Exclude<Joined, { readonly type: 'alone' }>
  | { readonly type: 'leads'; readonly look: OpenLook | null };

const leadsNobody: Seat = { type: 'leads', look: null };

/** The looks of one process. */
export class SharedLooks {
  private readonly open = new Map<string, OpenLook>();

  /** Resolves once the look that was joined has had its answer, or at once. Throws for a run without a provider's id. */
  async seat(state: RunState, kind: RunKind, accounts: Accounts): Promise<Seat> {
    const account = accounts.of(state.account);
    const groupLooks = account?.providers[kind].groupLooks;
    const ref = refOf(state);
    const group = groupLooks?.groupOf(ref) ?? null;
    if (account === null || groupLooks === undefined || group === null) return leadsNobody;
    const key = JSON.stringify([account.name, kind, group]);
    const open = this.open.get(key);
    if (open === undefined) return { type: 'leads', look: this.begin(key, ref, groupLooks) };
    // Whoever has a place in the queue keeps it.
    const joined = state.permit === undefined ? await open.join(ref, groupLooks.mostRuns) : null;
    return joined === null || joined.type === 'alone' ? leadsNobody : joined;
  }

  private begin(key: string, ref: ProviderRef, { retrieveMany }: GroupLooks): OpenLook {
    const look: OpenLook = new OpenLook(ref, retrieveMany, () => {
      if (this.open.get(key) === look) this.open.delete(key);
    });
    this.open.set(key, look);
    return look;
  }
}
