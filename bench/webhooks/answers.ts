import { setTimeout as sleep } from 'node:timers/promises';
import { signedHeaders } from '../../src/simulator/webhooks/event.ts';
import { type BenchFleet, secret } from './fleet.ts';
import { percentile } from './percentiles.ts';

const lifeMs = 120_000;

/** Each wakes a run of its own, at a rate that does not wait for the answers. */
export async function answers(
  fleet: BenchFleet,
  rate: number,
  seconds: number,
): Promise<Record<string, number>> {
  const ids = await openRuns(fleet, 200);
  const timesMs: number[] = [];
  const pending: Promise<void>[] = [];
  const startMs = performance.now();
  for (let sent = 0; sent < rate * seconds; sent += 1) {
    const dueMs = startMs + (sent * 1000) / rate;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    // One of ten has news; the others repeat what was sent, or are of strangers.
    const id = sent % 2 === 0 ? (ids[sent % ids.length] ?? '') : `resp_of_a_stranger_${sent}`;
    const webhookId = sent % 10 === 0 ? `wh_${sent}` : `wh_again_${id}`;
    pending.push(send(fleet.webhookUrl, id, webhookId, timesMs));
  }
  await Promise.all(pending);
  return {
    'answer at this rate, p50 ms': percentile(timesMs, 0.5),
    'answer at this rate, p95 ms': percentile(timesMs, 0.95),
    'answer at this rate, p99 ms': percentile(timesMs, 0.99),
    'webhooks answered a second': timesMs.length / ((performance.now() - startMs) / 1000),
  };
}

async function send(url: string, id: string, webhookId: string, timesMs: number[]): Promise<void> {
  const body = JSON.stringify({ object: 'event', id: 'evt', type: 'response.completed', data: { id } });
  const headers = signedHeaders(webhookId, secret, body, Date.now());
  const sentMs = performance.now();
  const answer = await fetch(url, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`A webhook was answered ${answer.status}.`);
  timesMs.push(performance.now() - sentMs);
}

/** Ids at the provider of runs that go on for longer than the benchmark. */
async function openRuns({ client }: BenchFleet, count: number): Promise<string[]> {
  const metadata = { sim_duration_ms: String(lifeMs) };
  const inputs = Array.from({ length: count }, () => ({
    request: { model: 'gpt-5', input: 'Hello', metadata },
  }));
  const accepted = await client.runs.createMany(inputs);
  for (;;) {
    const views = await Promise.all(accepted.map(({ run }) => client.runs.get(run?.id ?? '')));
    const ids = views.flatMap(({ provider_run_id: id }) => id ?? []);
    if (ids.length === count) return ids;
    await sleep(200);
  }
}
