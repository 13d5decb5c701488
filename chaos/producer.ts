/** Sends runs until they are accepted, cancels some, and listens for their ends: what a service with patience does. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CreateManyResult,
  hasEnded,
  isRunfleetClientError,
  RunfleetApiError,
  RunfleetBulkError,
  type RunfleetClient,
  RunfleetConnectionError,
  type RunView,
} from '../src/client/index.ts';
import { type PlannedRun } from './plan.ts';

/** One planned run, and what became of sending it. */
export interface Sending {
  readonly planned: PlannedRun;
  readonly sentAtMs: number;
  /** Null: nobody has said that it is accepted. */
  runId: string | null;
  acceptedAtMs: number | null;
  cancelledAtMs: number | null;
  /** Sent with others, and never answered: it may have been accepted. */
  inDoubt: boolean;
  /** An answer that no patience helps against. */
  refusal: string | null;
  /** All that was told of it, in order. */
  readonly told: RunView[];
  /** The text of its stream, as it came. */
  streamed: string;
}

const againAfterMs = 250;

export class Producer {
  readonly sendings: Sending[] = [];
  private readonly client: RunfleetClient;
  private readonly closing = new AbortController();
  private readonly going = new Set<Promise<void>>();

  constructor(client: RunfleetClient) {
    this.client = client;
  }

  /** One by one where they have keys, else all in one request. */
  send(planned: readonly PlannedRun[]): void {
    const sendings = planned.map((each): Sending => ({
      planned: each,
      sentAtMs: Date.now(),
      runId: null,
      acceptedAtMs: null,
      cancelledAtMs: null,
      inDoubt: false,
      refusal: null,
      told: [],
      streamed: '',
    }));
    this.sendings.push(...sendings);
    const [keyed, unkeyed] = [
      sendings.filter((each) => each.planned.idempotencyKey !== null),
      sendings.filter((each) => each.planned.idempotencyKey === null),
    ];
    for (const sending of keyed) this.go(this.sendOne(sending));
    if (unkeyed.length > 0) this.go(this.sendMany(unkeyed));
  }

  /** Resolves when everything has been said and told. */
  async settled(): Promise<void> {
    while (this.going.size > 0) await Promise.all(this.going);
  }

  /** Waits no longer for what has not come. */
  close(): void {
    this.closing.abort();
  }

  private go(work: Promise<void>): void {
    const tracked = work.finally(() => this.going.delete(tracked));
    this.going.add(tracked);
  }

  private async sendOne(sending: Sending): Promise<void> {
    const { input, idempotencyKey } = sending.planned;
    await this.patiently(sending, async (signal) => {
      const run = await this.client.runs.create(input, {
        idempotencyKey: idempotencyKey ?? undefined,
        signal,
      });
      this.accepted(sending, run);
    });
  }

  /** Without a key it is sent again only if it surely did not arrive. */
  private async sendMany(sendings: readonly Sending[]): Promise<void> {
    const inputs = sendings.map(({ planned }) => planned.input);
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        const results = await this.client.runs.createMany(inputs, { signal });
        for (const [at, sending] of sendings.entries()) this.answered(sending, results[at]);
        return;
      } catch (error) {
        if (error instanceof RunfleetBulkError && !error.mayHaveArrived) {
          await sleep(againAfterMs);
          continue;
        }
        for (const sending of sendings) sending.inDoubt = true;
        return;
      }
    }
  }

  private answered(sending: Sending, result: CreateManyResult | undefined): void {
    if (result?.run !== undefined) this.accepted(sending, result.run);
    else sending.refusal = result?.error.message ?? 'no answer';
  }

  private accepted(sending: Sending, run: RunView): void {
    sending.runId = run.id;
    sending.acceptedAtMs = Date.now();
    if (sending.planned.cancelAfterMs !== null)
      this.go(this.cancel(sending, run.id, sending.planned.cancelAfterMs));
    if (sending.planned.watch === 'wait') this.go(this.wait(sending, run.id));
    if (sending.planned.watch === 'events') this.go(this.listen(sending, run.id));
  }

  private async cancel(sending: Sending, id: string, afterMs: number): Promise<void> {
    await sleep(afterMs);
    await this.patiently(sending, async (signal) => {
      sending.told.push(await this.client.runs.cancel(id, { signal }));
      sending.cancelledAtMs = Date.now();
    });
  }

  private async wait(sending: Sending, id: string): Promise<void> {
    await this.patiently(sending, async (signal) => {
      sending.told.push(await this.client.runs.wait(id, { signal }));
    });
  }

  private async listen(sending: Sending, id: string): Promise<void> {
    let lastEventId: string | undefined;
    await this.patiently(sending, async (signal) => {
      for await (const event of this.client.runs.events(id, { lastEventId, signal })) {
        lastEventId = event.id;
        if (event.type === 'output') sending.streamed += event.text;
        else sending.told.push(event.run);
      }
    });
  }

  /** Again and again, until it is answered; a refusal is kept, and ends it. */
  private async patiently(sending: Sending, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await act(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) {
          sending.refusal = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
          return;
        }
        await sleep(againAfterMs, null, { signal }).catch(() => {});
      }
    }
  }
}

function isPassing(error: unknown): boolean {
  if (!isRunfleetClientError(error)) return false;
  if (error instanceof RunfleetConnectionError) return true;
  return error instanceof RunfleetApiError && (error.status === 429 || error.status >= 502);
}

/** What it was told of its end, first and last. */
export function endsTold({ told }: Sending): RunView[] {
  return told.filter(hasEnded);
}
