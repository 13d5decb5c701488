import type { Account, Accounts } from '../../../src/ports/accounts.ts';

/** The first is the default account. A pool tries its members in the order given. */
export class FakeAccounts implements Accounts {
  readonly pools = new Map<string, readonly string[]>();
  private readonly accounts: Account[];

  constructor(...accounts: readonly [Account, ...Account[]]) {
    this.accounts = [...accounts];
  }

  add(account: Account): void {
    this.accounts.push(account);
  }

  /** As if it had been taken out of the configuration. */
  remove(name: string): void {
    const at = this.accounts.findIndex((account) => account.name === name);
    if (at >= 0) this.accounts.splice(at, 1);
  }

  of(name: string | undefined): Account | null {
    return (name === undefined ? this.accounts[0] : this.accounts.find((one) => one.name === name)) ?? null;
  }

  candidates(name: string | null): readonly Account[] {
    const names = name === null ? [undefined] : (this.pools.get(name) ?? [name]);
    return names
      .map((one) => this.of(one))
      .filter((account) => account !== null)
      .sort((a, b) => Number(isRefused(a)) - Number(isRefused(b)));
  }

  hasOther(name: string | null, than: string): boolean {
    const names = name === null ? [] : (this.pools.get(name) ?? []);
    return names.some((one) => {
      const account = this.of(one);
      return account !== null && one !== than && !isRefused(account);
    });
  }
}

function isRefused(account: Account): boolean {
  return account.standing()?.isRefused ?? false;
}
