import type { JobData, JobDataInput } from '../../../src/domain/wire/job-data.ts';
import type { Activation, RunRecord, RunStore } from '../../../src/ports/run-store.ts';
import { someData } from '../../support/fakes/builders.ts';

/** One store with one worker, of a namespace that no other test shares. */
export interface RunStoreHarness {
  readonly store: RunStore;
  nowMs(): number;
  /**
   * Waits for the run's next activation, runs `body` in it, and leaves the slot as a worker does after `advance`:
   * a parked run waits for its time, a committed one is over, and one that `body` left without a word (or that was
   * lost) is activated again. Rejects with what `body` throws, and when there is no activation within some seconds.
   */
  activate<T>(id: string, body: (activation: Activation) => Promise<T>): Promise<T>;
  /** Within `activate`: takes the run away from the activation in hand, as a stalled worker loses its lock. */
  lose(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface RunStoreFactory {
  create(): Promise<RunStoreHarness>;
  /** Where it can be arranged: from now on the store's backing service is away. */
  readonly breakDown?: (harness: RunStoreHarness) => Promise<void>;
}

export async function recordOf(harness: RunStoreHarness, id: string): Promise<RunRecord> {
  const record = await harness.store.get(id);
  if (record === null) throw new Error(`There is no run ${id}.`);
  return record;
}

/** Data of a run that is accepted now, as the API adds it. */
export function dataNow(harness: RunStoreHarness, patch: Partial<JobDataInput> = {}): JobData {
  return someData({ accepted_at: new Date(harness.nowMs()).toISOString(), ...patch });
}
