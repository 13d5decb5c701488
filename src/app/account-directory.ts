import { type Sent, shareLeft } from '../domain/limiter/spread.ts';
import type { Account, Accounts, Standing } from '../ports/accounts.ts';
import type { Clock } from '../ports/clock.ts';

export interface DirectoryOptions {
  /** The first is the default one. */
  readonly accounts: readonly [Account, ...Account[]];
  readonly pools: readonly { readonly name: string; readonly members: readonly string[] }[];
  readonly clock: Clock;
}

/** The accounts of a process, by name, and by pool with what is left of each. */
export class AccountDirectory implements Accounts {
  private readonly options: DirectoryOptions;
  private readonly byName: ReadonlyMap<string, Account>;
  private readonly pools: ReadonlyMap<string, readonly Account[]>;
  private readonly tallies = new Map<Account, Tally>();

  constructor(options: DirectoryOptions) {
    this.options = options;
    this.byName = new Map(options.accounts.map((account) => [account.name, account]));
    this.pools = new Map(
      options.pools.map(({ name, members }) => [
        name,
        members.map((member) => this.of(member)).filter((account) => account !== null),
      ]),
    );
  }

  of(name: string | undefined): Account | null {
    return name === undefined ? this.options.accounts[0] : (this.byName.get(name) ?? null);
  }

  candidates(name: string | null, tokens: number): readonly Account[] {
    const pool = name === null ? undefined : this.pools.get(name);
    if (pool === undefined) {
      const account = this.of(name ?? undefined);
      return account === null ? [] : [account];
    }
    const nowMs = this.options.clock.nowMs();
    const ranked = pool
      .map((account) => {
        const tally = this.tallyOf(account);
        return { account, tally, left: tally.left(nowMs), isRefused: isRefused(account) };
      })
      .sort(
        (a, b) =>
          Number(a.isRefused) - Number(b.isRefused) || b.left - a.left || a.tally.total - b.tally.total,
      );
    ranked[0]?.tally.count(tokens);
    return ranked.map(({ account }) => account);
  }

  hasOther(name: string | null, than: string): boolean {
    const pool = name === null ? undefined : this.pools.get(name);
    return pool?.some((account) => account.name !== than && !isRefused(account)) ?? false;
  }

  private tallyOf(account: Account): Tally {
    const tally = this.tallies.get(account) ?? new Tally(account);
    this.tallies.set(account, tally);
    return tally;
  }
}

function isRefused(account: Account): boolean {
  return account.standing()?.isRefused ?? false;
}

/** What this process has sent to an account: a reading of its quota knows nothing of that for a moment. */
class Tally {
  /** Breaks ties between accounts that are both untouched, or without a limit. */
  total = 0;
  private readonly account: Account;
  private reading: Standing | null = null;
  private sent: Sent = { runs: 0, tokens: 0 };

  constructor(account: Account) {
    this.account = account;
  }

  left(nowMs: number): number {
    const reading = this.account.standing();
    if (reading !== this.reading) this.sent = { runs: 0, tokens: 0 };
    this.reading = reading;
    // Nothing known of it: others first.
    const quota = reading?.quota ?? null;
    return quota === null ? 0 : shareLeft(quota, this.sent, nowMs);
  }

  count(tokens: number): void {
    this.total += 1;
    this.sent = { runs: this.sent.runs + 1, tokens: this.sent.tokens + tokens };
  }
}
