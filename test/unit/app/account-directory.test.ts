import { describe, expect, it } from 'vitest';
import { AccountDirectory } from '../../../src/app/account-directory.ts';
import { emptyAccount } from '../../../src/domain/limiter/state.ts';
import { defaultSettings, termsOf } from '../../../src/domain/limiter/terms.ts';
import { viewOf } from '../../../src/domain/limiter/view.ts';
import type { Account, Standing } from '../../../src/ports/accounts.ts';
import { FakeProvider, FakeProviderHealth, FakeRateGate, ManualClock } from '../../support/fakes/index.ts';
import { t0 } from '../../support/fakes/builders.ts';

const clock = new ManualClock(t0);
const untouched = viewOf(emptyAccount(), termsOf({ ...defaultSettings, requests: 0, tokens: 0 }), t0 * 1000);

interface Shown {
  standing: Standing | null;
}

/** An account whose quota reads as the test says. */
function anAccount(name: string, standing: Standing | null): Account & { readonly shown: Shown } {
  const shown = { standing };
  return {
    name,
    providers: { responses: new FakeProvider('responses'), assistants: new FakeProvider('assistants') },
    gate: new FakeRateGate(clock),
    health: new FakeProviderHealth(clock),
    shown,
    standing: () => shown.standing,
  };
}

function quotaOf(limit: number, used = 0): Standing {
  const requests = { limit, used, usedRatio: used / limit, source: 'configured' } as const;
  return { quota: { ...untouched, requests }, isRefused: false };
}

const unlimited: Standing = { quota: untouched, isRefused: false };

function spread(accounts: readonly [Account, ...Account[]], runs: number): Record<string, number> {
  const pools = [{ name: 'any', members: accounts.map(({ name }) => name) }];
  const directory = new AccountDirectory({ accounts, pools, clock });
  const counts: Record<string, number> = {};
  for (let run = 0; run < runs; run += 1) {
    const name = directory.candidates('any', 10)[0]?.name ?? '';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('a name', () => {
  const accounts = [anAccount('default', null), anAccount('eu', null)] as const;
  const pools = [{ name: 'any', members: ['eu', 'default'] }];
  const directory = new AccountDirectory({ accounts, pools, clock });

  it.each([
    [null, ['default']],
    ['eu', ['eu']],
    ['us', []],
  ])('%j stands for %j', (name, names) => {
    expect(directory.candidates(name, 0).map((account) => account.name)).toEqual(names);
  });

  it('that a state of an older version does not have is the default account’s', () => {
    expect(directory.of(undefined)?.name).toBe('default');
    expect(directory.of('us')).toBeNull();
  });
});

describe('a pool', () => {
  it('fills accounts of different size at the same time', () => {
    expect(spread([anAccount('small', quotaOf(60)), anAccount('large', quotaOf(600))], 660)).toEqual({
      small: 60,
      large: 600,
    });
  });

  it('sends runs first where little was used', () => {
    const counts = spread([anAccount('used', quotaOf(100, 80)), anAccount('fresh', quotaOf(100, 0))], 100);
    expect(counts).toEqual({ used: 10, fresh: 90 });
  });

  it('spreads evenly over accounts without a limit, also when each run sees a new reading', () => {
    const [a, b] = [anAccount('a', unlimited), anAccount('b', unlimited)];
    const directory = new AccountDirectory({
      accounts: [a, b],
      pools: [{ name: 'any', members: ['a', 'b'] }],
      clock,
    });
    const names = [1, 2, 3, 4].map(() => {
      for (const { shown } of [a, b]) shown.standing = { ...unlimited };
      return directory.candidates('any', 0)[0]?.name;
    });
    expect(names).toEqual(['a', 'b', 'a', 'b']);
  });

  it('counts what it sent only until the quota is read again', () => {
    const [a, b] = [anAccount('a', quotaOf(10)), anAccount('b', quotaOf(10, 5))];
    const directory = new AccountDirectory({
      accounts: [a, b],
      pools: [{ name: 'any', members: ['a', 'b'] }],
      clock,
    });
    const next = (): string | undefined => directory.candidates('any', 0)[0]?.name;
    expect([next(), next(), next(), next(), next()]).toEqual(['a', 'a', 'a', 'a', 'a']);
    a.shown.standing = quotaOf(10, 5);
    expect(new Set([next(), next()])).toEqual(new Set(['a', 'b']));
  });

  it('leaves an account whose key is refused for the last', () => {
    const refused = anAccount('refused', { ...unlimited, isRefused: true });
    expect(spread([refused, anAccount('full', quotaOf(10, 20))], 3)).toEqual({ full: 3 });
  });

  it('tries an account of which nothing is known after those that have something left', () => {
    expect(spread([anAccount('unread', null), anAccount('known', quotaOf(10))], 10)).toEqual({ known: 10 });
  });

  it('has another account for a run that was turned away, unless that is refused too', () => {
    const accounts = [anAccount('a', unlimited), anAccount('b', { ...unlimited, isRefused: true })] as const;
    const pools = [{ name: 'any', members: ['a', 'b'] }];
    const directory = new AccountDirectory({ accounts, pools, clock });
    expect(directory.hasOther('any', 'b')).toBe(true);
    expect(directory.hasOther('any', 'a')).toBe(false);
    expect(directory.hasOther('b', 'b')).toBe(false);
    expect(directory.hasOther(null, 'b')).toBe(false);
  });
});
