/** Asks the API what its users ask it, a few times a second, and notes how long each answer takes. */

import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../webhooks/percentiles.ts';
import { runOf } from './load.ts';

const pauseMs = 50;

export class Probe {
  private readonly timesMs = new Map<string, number[]>();
  private readonly apiUrl: string;
  private readonly runId: string;
  private stopped = false;
  private readonly asking: Promise<void>;

  /** `runId`: the run that is read. */
  constructor(apiUrl: string, runId: string) {
    this.apiUrl = apiUrl;
    this.runId = runId;
    this.asking = this.ask();
  }

  /** p50 and p99 of each route, milliseconds. */
  async stop(): Promise<Record<string, number>> {
    this.stopped = true;
    await this.asking;
    return Object.fromEntries(
      [...this.timesMs].flatMap(([route, times]) => [
        [`${route}, p50 ms`, percentile(times, 0.5)],
        [`${route}, p99 ms`, percentile(times, 0.99)],
      ]),
    );
  }

  private async ask(): Promise<void> {
    while (!this.stopped) {
      await this.time('POST /v1/runs', '/v1/runs', JSON.stringify(runOf()));
      await this.time('GET /v1/runs/{id}', `/v1/runs/${this.runId}`);
      await this.time('GET /v1/runs', '/v1/runs?limit=20');
      await this.time('GET /v1/runs?status=', '/v1/runs?status=completed&limit=20');
      await this.time('GET /metrics', '/metrics');
      await sleep(pauseMs);
    }
  }

  private async time(route: string, path: string, body?: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const sentMs = performance.now();
    const answer = await fetch(
      `${this.apiUrl}${path}`,
      body === undefined ? {} : { method: 'POST', headers, body },
    );
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${route} was answered ${answer.status}.`);
    const times = this.timesMs.get(route) ?? [];
    this.timesMs.set(route, times);
    times.push(performance.now() - sentMs);
  }
}
