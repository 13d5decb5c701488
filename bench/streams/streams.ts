import { setTimeout as sleep } from 'node:timers/promises';
import { RunfleetClient, type RunView } from '../../src/client/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { FleetProcesses } from '../fleet/processes.ts';
import { percentile } from '../webhooks/percentiles.ts';
import { ProviderProcess } from './provider-process.ts';
import { Readers } from './readers.ts';
import { readWorker, type WorkerFigures } from './worker.ts';

export interface StreamsLoad {
  readonly redisPort: number;
  readonly streams: number;
  /** Dealt out over the runs, in turn; every second one comes back again and again. */
  readonly subscribers: number;
  /** Subscribers more, that take nothing. */
  readonly slow: number;
  /** From delta to delta of one stream. */
  readonly deltaMs: number;
  /** Characters of each. */
  readonly deltaCharacters: number;
  /** How long they are all held open. */
  readonly seconds: number;
}

const sampleMs = 500;

export async function streams(load: StreamsLoad): Promise<Record<string, number>> {
  using provider = await ProviderProcess.start(load.deltaMs, load.deltaCharacters);
  const metricsPort = await freePort();
  await using processes = await FleetProcesses.start(['api', 'runs'], {
    REDIS_URL: `redis://127.0.0.1:${load.redisPort}`,
    OPENAI_API_KEY: 'sk-bench',
    OPENAI_BASE_URL: provider.baseUrl,
    RUNFLEET_METRICS_PORT: String(metricsPort),
    RUNFLEET_RPM: '0',
    RUNFLEET_STREAMS: String(load.streams),
  });
  const watch = new Watch(provider, `http://127.0.0.1:${metricsPort}/metrics`);
  return await measure(load, processes, watch);
}

/** The provider and the worker, asked again and again. */
class Watch {
  readonly provider: ProviderProcess;
  private readonly url: string;
  peakMb = 0;

  constructor(provider: ProviderProcess, url: string) {
    this.provider = provider;
    this.url = url;
  }

  async worker(): Promise<WorkerFigures> {
    const figures = await readWorker(this.url);
    this.peakMb = Math.max(this.peakMb, figures.rssMb);
    return figures;
  }

  /** Resolves with the milliseconds that it took. */
  async until(isReached: () => Promise<boolean>): Promise<number> {
    const fromMs = performance.now();
    while (!(await isReached())) {
      await sleep(sampleMs);
      await this.worker();
    }
    return performance.now() - fromMs;
  }
}

async function measure(
  load: StreamsLoad,
  processes: FleetProcesses,
  watch: Watch,
): Promise<Record<string, number>> {
  const { provider } = watch;
  const client = new RunfleetClient({ baseUrl: processes.apiUrl });
  const apiMb = async (): Promise<number> => (await processes.residentMb())['api 1'] ?? 0;
  const idleApiMb = await apiMb();
  const idle = await watch.worker();
  const fromMs = performance.now();
  const runs = await client.runs.createMany(
    Array.from({ length: load.streams }, () => ({
      follow: 'stream' as const,
      deadline_seconds: 3600,
      request: { model: 'gpt-5', input: 'Hello' },
    })),
  );
  await watch.until(async () => (await provider.counts()).open === load.streams);
  const rampMs = performance.now() - fromMs;
  const readers = new Readers(client, processes.apiUrl);
  const ids = runs.map(({ run }) => run?.id ?? '');
  const idAt = (at: number): string => ids[at % ids.length] ?? '';
  for (let at = 0; at < load.subscribers; at += 1) readers.follow(idAt(at), at % 2 === 1);
  for (let at = 0; at < load.slow; at += 1) readers.ignore(idAt(at));
  await sleep(2000);

  const before = await watch.worker();
  const deltasBefore = (await provider.counts()).deltas;
  const heldFromMs = performance.now();
  readers.delaysMs.length = 0;
  let peakApiMb = 0;
  for (let second = 0; second < load.seconds - 1; second += 1) {
    await sleep(1000);
    // Not the metrics: asking resets the lag's histogram.
    await provider.counts();
    peakApiMb = Math.max(peakApiMb, await apiMb());
  }
  await sleep(1000);
  const held = await watch.worker();
  const heldSeconds = (performance.now() - heldFromMs) / 1000;
  const { deltas, calls } = await provider.counts();
  const delaysMs = [...readers.delaysMs];

  await provider.counts({ end: 200 });
  const endsMs = await watch.until(async () => (await provider.counts()).open === 0);
  const ended = await Promise.all(ids.map((id) => client.runs.wait(id)));
  await readers.gone();
  const apiMetrics = await (await fetch(`${processes.apiUrl}/metrics`)).text();
  return {
    'MB of the worker before': idle.rssMb,
    'MB with all streams open': held.rssMb,
    'MB at its peak': watch.peakMb,
    'KB a stream': ((held.rssMb - idle.rssMb) * 1024) / load.streams,
    'streams open': held.streams,
    'streams that broke': held.broken,
    'streams opened a second': (load.streams * 1000) / rampMs,
    'CPU of the worker, %': ((held.cpuSeconds - before.cpuSeconds) / heldSeconds) * 100,
    'event loop lag, p50 ms': held.lagP50Ms,
    'event loop lag, p99 ms': held.lagP99Ms,
    'deltas a second, all streams': (deltas - deltasBefore) / heldSeconds,
    'pieces a second at a subscriber': delaysMs.length / heldSeconds / Math.max(1, load.subscribers),
    'delta to subscriber, p50 ms': percentile(delaysMs, 0.5),
    'delta to subscriber, p99 ms': percentile(delaysMs, 0.99),
    'subscribers with all of it, once': readers.whole,
    'slow ones that were cut off': Number(/_readers_cut_total (\d+)/.exec(apiMetrics)?.[1] ?? 0),
    'MB of the API before': idleApiMb,
    'MB of the API at its peak': peakApiMb,
    'streams ended a second': (load.streams * 1000) / endsMs,
    'runs completed by their stream': ended.filter(byStream).length,
    'calls a run': Math.max(calls, (await provider.counts()).calls) / load.streams,
  };
}

function byStream({ status, found_by: foundBy }: RunView): boolean {
  return status === 'completed' && foundBy === 'stream';
}
