import { type BenchFleet, latencyMs } from './fleet.ts';
import { percentile } from './percentiles.ts';

/** From a run's webhook to the time at which its outcome was known, less the answer time of the look itself. */
export async function wakes(fleet: BenchFleet, runs: number): Promise<Record<string, number>> {
  const inputs = Array.from({ length: runs }, (_, n) => ({
    request: { model: 'gpt-5', input: 'Hello', metadata: { sim_duration_ms: String(2000 + n * 20) } },
  }));
  const accepted = await fleet.client.runs.createMany(inputs);
  const ended = await Promise.all(accepted.map(({ run }) => fleet.client.runs.wait(run?.id ?? '')));
  const delaysMs = ended.flatMap(({ provider_run_id: id, detected_at: at }) => {
    const cameAtMs = fleet.cameAtMs.get(id ?? '');
    return cameAtMs === undefined || at === null ? [] : [Date.parse(at) - cameAtMs - latencyMs];
  });
  return {
    'webhook to outcome, p50 ms': percentile(delaysMs, 0.5),
    'webhook to outcome, p95 ms': percentile(delaysMs, 0.95),
    'webhook to outcome, p99 ms': percentile(delaysMs, 0.99),
    'calls a run': ended.reduce((sum, { calls }) => sum + calls.total, 0) / ended.length,
  };
}
