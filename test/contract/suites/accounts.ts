/** What every `Accounts` must do; see `src/ports/accounts.ts`. */

import { describe, expect, it } from 'vitest';
import type { Account, Accounts } from '../../../src/ports/accounts.ts';
import { t0 } from '../../support/fakes/builders.ts';
import { FakeProvider, FakeProviderHealth, FakeRateGate, ManualClock } from '../../support/fakes/index.ts';

export interface Pool {
  readonly name: string;
  readonly members: readonly string[];
}

type Make = (accounts: readonly [Account, ...Account[]], pools: readonly Pool[]) => Accounts;

function anAccount(name: string, clock: ManualClock): Account & { readonly health: FakeProviderHealth } {
  const health = new FakeProviderHealth(clock);
  return {
    name,
    providers: { responses: new FakeProvider('responses'), assistants: new FakeProvider('assistants') },
    gate: new FakeRateGate(clock),
    health,
    standing: () => ({ quota: null, isRefused: health.isRefused() }),
  };
}

const namesOf = (accounts: readonly Account[]): string[] => accounts.map((account) => account.name);

export function accountsConformance(name: string, make: Make): void {
  describe(`Accounts: ${name}`, () => {
    const clock = new ManualClock(t0);
    const given = () => [anAccount('main', clock), anAccount('eu', clock), anAccount('us', clock)] as const;
    const pools = [{ name: 'any', members: ['eu', 'us'] }];

    it('knows each by its name, and the first as the default one', () => {
      const all = given();
      const accounts = make(all, pools);
      expect(accounts.of('eu')).toBe(all[1]);
      expect(accounts.of(undefined)).toBe(all[0]);
      expect(accounts.of('any')).toBeNull();
      expect(accounts.of('elsewhere')).toBeNull();
    });

    it('has an account for its name, all of a pool for the pool’s, and none for a name that is neither', () => {
      const accounts = make(given(), pools);
      expect(namesOf(accounts.candidates(null, 1))).toEqual(['main']);
      expect(namesOf(accounts.candidates('us', 1))).toEqual(['us']);
      expect(new Set(namesOf(accounts.candidates('any', 1)))).toEqual(new Set(['eu', 'us']));
      expect(accounts.candidates('elsewhere', 1)).toEqual([]);
    });

    it('puts an account whose key is refused last, for as long as that is known', async () => {
      const all = given();
      const accounts = make(all, pools);
      await all[1].health.reportUnauthorized('Wrong key.');
      expect(namesOf(accounts.candidates('any', 1))).toEqual(['us', 'eu']);
      expect([accounts.hasOther('any', 'eu'), accounts.hasOther('any', 'us')]).toEqual([true, false]);
      clock.advance(61_000);
      expect(accounts.hasOther('any', 'us')).toBe(true);
    });

    it('has no other account for a run that names one, or none', () => {
      const accounts = make(given(), pools);
      expect([accounts.hasOther('eu', 'eu'), accounts.hasOther(null, 'main')]).toEqual([false, false]);
    });
  });
}
