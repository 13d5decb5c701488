import { randomUUID } from 'node:crypto';
import type { Retention } from '../../domain/retention.ts';
import type { Clock } from '../../ports/clock.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { removeExpired } from './expiry.ts';
import { IndexRepair, type RepairDeps } from './index-repair.ts';
import { runKeys } from './keys.ts';

export interface SweepOptions extends RepairDeps {
  readonly clock: Clock;
  readonly retention: Retention;
  /** How often each worker calls `turn`. */
  readonly intervalMs: number;
}

/** The fleet's housekeeping: every worker asks for its turn, one of them has it. Two at a time would do no harm. */
export class Sweep {
  private readonly options: SweepOptions;
  private readonly repair: IndexRepair;
  private readonly id = randomUUID();

  constructor(options: SweepOptions) {
    this.options = options;
    this.repair = new IndexRepair(options);
  }

  async turn(): Promise<void> {
    const { clock, retention } = this.options;
    if (!(await this.isMine())) return;
    await removeExpired(this.options, clock.nowMs(), retention);
    await this.repair.turn(clock.nowMs());
  }

  /** Whoever had the last turn has the next one, so that its repair goes on; when it is gone, another takes over. */
  private async isMine(): Promise<boolean> {
    const { client, prefix, intervalMs } = this.options;
    const key = runKeys(prefix).sweeper;
    const before = await onRedis(() => client.set(key, this.id, 'PX', 2 * intervalMs, 'NX', 'GET'));
    if (before === null) return true;
    if (before === this.id) await onRedis(() => client.pexpire(key, 2 * intervalMs));
    return before === this.id;
  }
}
