import type { Account, Accounts } from '../ports/accounts.ts';

/** The accounts of a process, by name. The first is the default one. */
export class AccountDirectory implements Accounts {
  private readonly byName: ReadonlyMap<string, Account>;
  private readonly first: Account | null;

  constructor(accounts: readonly Account[]) {
    this.byName = new Map(accounts.map((account) => [account.name, account]));
    this.first = accounts[0] ?? null;
  }

  of(name: string | undefined): Account | null {
    return name === undefined ? this.first : (this.byName.get(name) ?? null);
  }

  candidates(name: string | null): Promise<readonly Account[]> {
    const account = this.of(name ?? undefined);
    return Promise.resolve(account === null ? [] : [account]);
  }
}
