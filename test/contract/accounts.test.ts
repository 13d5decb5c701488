import { AccountDirectory } from '../../src/app/account-directory.ts';
import { t0 } from '../support/fakes/builders.ts';
import { FakeAccounts, ManualClock } from '../support/fakes/index.ts';
import { accountsConformance } from './suites/accounts.ts';

accountsConformance('AccountDirectory', (accounts, pools) => {
  return new AccountDirectory({ accounts, pools, clock: new ManualClock(t0) });
});

accountsConformance('FakeAccounts', (accounts, pools) => {
  const fake = new FakeAccounts(...accounts);
  for (const { name, members } of pools) fake.pools.set(name, members);
  return fake;
});
