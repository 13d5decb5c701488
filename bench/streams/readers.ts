/** Readers of events at one API process: some come back again and again, some take nothing. */

import { createHash } from 'node:crypto';
import { get } from 'node:http';
import type { RunfleetClient } from '../../src/client/index.ts';

/** Those that come back do so after so many events. */
const eventsAConnection = 10;

export class Readers {
  /** From a delta to its reader: of the last delta of each piece. */
  readonly delaysMs: number[] = [];
  /** Had each character of the output once, in order, and no event twice. */
  whole = 0;
  private readonly client: RunfleetClient;
  private readonly apiUrl: string;
  private readonly reading: Promise<void>[] = [];

  constructor(client: RunfleetClient, apiUrl: string) {
    this.client = client;
    this.apiUrl = apiUrl;
  }

  follow(id: string, comesBack: boolean): void {
    this.reading.push(this.read(id, comesBack ? eventsAConnection : Infinity));
  }

  /** A connection that nothing is read from. */
  ignore(id: string): void {
    get(`${this.apiUrl}/v1/runs/${id}/events`).on('error', () => {});
  }

  async gone(): Promise<void> {
    await Promise.all(this.reading);
  }

  private async read(id: string, mostEvents: number): Promise<void> {
    const ids: string[] = [];
    const digest = createHash('sha1');
    for (;;) {
      let left = mostEvents;
      for await (const event of this.client.runs.events(id, { lastEventId: ids.at(-1) })) {
        ids.push(event.id);
        left -= 1;
        if (event.type === 'output') {
          digest.update(event.text);
          this.delaysMs.push(Date.now() - Number(event.text.trimEnd().split(' ').at(-1)));
        }
        if (event.type === 'done') {
          const output = createHash('sha1').update(event.run.output_text ?? '');
          const isSame = output.digest('hex') === digest.digest('hex');
          if (isSame && new Set(ids).size === ids.length) this.whole += 1;
          return;
        }
        if (left === 0) break;
      }
    }
  }
}
