/** What is left of the accounts that pools spread over, read again and again while somebody asks. */

import type { QuotaView } from '../domain/limiter/view.ts';
import type { Standing } from '../ports/accounts.ts';
import type { ProviderHealth } from '../ports/provider-health.ts';
import { startHousekeeping } from './housekeeping.ts';
import type { FleetContext } from './fleet.ts';

/** What a process sends in between, it counts itself; this long it knows nothing of what others send. */
const readIntervalMs = 500;

interface Read {
  readonly quota: () => Promise<QuotaView>;
  readonly health: ProviderHealth;
}

export class Standings {
  private readonly reads = new Map<string, Read>();
  private readonly latest = new Map<string, Standing>();
  private isAsked = true;

  add(name: string, read: Read): void {
    this.reads.set(name, read);
  }

  of(name: string): Standing | null {
    this.isAsked = true;
    return this.latest.get(name) ?? null;
  }

  /** Resolves when each was read once. */
  async start({ closers, logger }: Pick<FleetContext, 'closers' | 'logger'>): Promise<void> {
    if (this.reads.size === 0) return;
    await this.refresh();
    const reading = startHousekeeping(() => this.refresh(), readIntervalMs, logger);
    closers.add('standings', () => reading.stop());
  }

  private async refresh(): Promise<void> {
    if (!this.isAsked) return;
    this.isAsked = false;
    await Promise.all(
      [...this.reads].map(async ([name, read]) => this.latest.set(name, await standingOf(read))),
    );
  }
}

async function standingOf({ quota, health }: Read): Promise<Standing> {
  const [view, trouble] = await Promise.all([quota().catch(() => null), health.current()]);
  return { quota: view, isRefused: trouble !== null };
}
