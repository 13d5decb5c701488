import { setTimeout as sleep } from 'node:timers/promises';
import { isAsking } from '../../domain/decide-tools.ts';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { RunSpec, RunState } from '../../domain/run.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { redisRetryMs } from '../redis-sdk/steady-worker.ts';
import type { LateReply } from './late-replies.ts';
import { SentCreates } from './sent-creates.ts';

export interface OutagesOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Leaves what is known of a create beside its run. */
  readonly leave: (runId: string, reply: LateReply) => Promise<void>;
}

/** After an outage all get so long to write down what they sent before and during it; until then, nothing is created. */
const settleMs = 5000;
/** Time for the client to find the new master, or the new owner of the slot. */
const recallAfterMs = 1000;

/** What a worker does while Redis fails it, and afterwards: what it knows must not be lost, nor sent twice by others. */
export class Outages {
  readonly sent = new SentCreates();
  private readonly options: OutagesOptions;
  private recalling: Promise<void> | null = null;
  /** When Redis last failed us. */
  private troubleAtMs = -settleMs;
  private givenUp = false;

  constructor(options: OutagesOptions) {
    this.options = options;
  }

  /** Redis has failed us just now. */
  note(): void {
    this.troubleAtMs = this.options.clock.nowMs();
    this.sent.held = true;
    this.recalling ??= this.recall().finally(() => {
      this.recalling = null;
      this.sent.held = false;
    });
  }

  /** The worker leaves: what Redis has not taken by now is for others. */
  giveUp(): void {
    this.givenUp = true;
  }

  /** After a failed write: true when it is time to try it again, false when it is for others. */
  async sitOut(): Promise<boolean> {
    if (this.givenUp) return false;
    this.note();
    await sleep(redisRetryMs);
    return true;
  }

  /** Writes until Redis takes it: what a call has brought must not be lost with the step. */
  async persist<T>(runId: string, write: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        if (tries === 1 && !this.givenUp)
          this.options.telemetry.log('warn', 'Redis does not take a step; it is tried until it does', {
            runId,
            error,
          });
        if (!(await this.sitOut())) throw error;
      }
    }
  }

  /** How long a run is left alone that some other worker may know more of than Redis does. */
  holdMs({ spec, state }: { readonly spec: RunSpec; readonly state: RunState }): number {
    const mayCreate = state.phase === 'creating' || (state.phase === 'following' && isAsking(state));
    const mayHaveBeenCreated = state.phase === 'accepted' && spec.acceptedAtMs <= this.troubleAtMs;
    if (!mayCreate && !mayHaveBeenCreated) return 0;
    // However the clock was set meanwhile.
    return Math.min(settleMs, Math.ceil(this.troubleAtMs + settleMs - this.options.clock.nowMs()));
  }

  /** Redis may have forgotten what was sent of late: it is told again. */
  private async recall(): Promise<void> {
    await sleep(recallAfterMs, null, { ref: false });
    const { leave, telemetry } = this.options;
    for (const id of this.sent.runIds()) {
      if (this.givenUp) return;
      // Asked for at each try: the answer may come while Redis takes nothing, and be left by its step before this is.
      const tell = async (): Promise<void> => {
        const reply = this.sent.latest(id);
        if (reply !== null) await leave(id, reply);
      };
      await this.persist(id, tell).catch((error: unknown) =>
        telemetry.log('error', 'A create was not told again', { error }),
      );
    }
  }
}
