import { setTimeout as sleep } from 'node:timers/promises';

import type { RunView } from '../../src/client/index.ts';
import { BenchFleet } from './fleet.ts';
import { percentile } from './percentiles.ts';

const outage = { fromMs: 20_000, untilMs: 80_000 };
const sentEveryMs = 1000;
const killEveryMs = 15_000;
const longestMs = 20_000;

/**
 * Two minutes of runs of up to 20 s, while one webhook of five is lost, one of five comes twice, all come in disorder,
 * none comes for a minute, and every 15 s a worker is killed and another takes its place. Throws unless each run has
 * completed, and was created once.
 */
export async function faults(redisPort: number, perSecond: number): Promise<Record<string, number>> {
  await using fleet = await BenchFleet.start({
    redisPort,
    workers: 3,
    webhooks: {
      lossProbability: 0.2,
      duplicateProbability: 0.2,
      latencyMs: { type: 'uniform', minMs: 0, maxMs: 3000 },
      outages: [outage],
    },
  });
  const waits: Promise<RunView>[] = [];
  const stop = new AbortController();
  const killing = kill(fleet, stop.signal);
  for (let second = 0; second < 120; second += 1) {
    const inputs = Array.from({ length: perSecond }, (_, n) => ({
      request: {
        model: 'gpt-5',
        input: 'Hello',
        metadata: { sim_duration_ms: String(((second * perSecond + n) * 6151) % longestMs) },
      },
    }));
    const accepted = await fleet.client.runs.createMany(inputs);
    waits.push(...accepted.map(({ run }) => fleet.client.runs.wait(run?.id ?? '')));
    await sleep(sentEveryMs);
  }
  const ended = await Promise.all(waits);
  stop.abort();
  const kills = await killing;
  const { callsTotal, responses, duplicates, webhooks } = fleet.simulator.ledger();
  const wrong = ended.filter(({ status, calls }) => status !== 'completed' || calls.create !== 1);
  if (wrong.length > 0 || duplicates.length > 0 || responses.created !== ended.length || responses.open > 0)
    throw new Error(`Not each run completed once: ${JSON.stringify({ wrong, duplicates, responses })}`);
  const delaysMs = ended.flatMap(({ detection_delay_ms: delayMs }) => delayMs ?? []);
  return {
    'runs, all completed, each created once': ended.length,
    'workers killed': kills,
    'webhooks lost': webhooks.lost,
    'webhooks sent twice': webhooks.duplicated,
    'tries that failed': webhooks.failedTries,
    'calls a run': callsTotal / ended.length,
    'end to known, p50 ms': percentile(delaysMs, 0.5),
    'end to known, p95 ms': percentile(delaysMs, 0.95),
    'end to known, most ms': percentile(delaysMs, 1),
  };
}

async function kill(fleet: BenchFleet, signal: AbortSignal): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    await sleep(killEveryMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return kills;
    await fleet.killWorker();
    await fleet.addWorker();
  }
}
