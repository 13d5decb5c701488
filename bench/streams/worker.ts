/** What a worker's own metrics say of it. */

export interface WorkerFigures {
  readonly rssMb: number;
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly streams: number;
  readonly cpuSeconds: number;
  /** Streams that were lost, whether by their connection or to another reader. */
  readonly broken: number;
}

/** The event loop's lag is that since the last time of asking. */
export async function readWorker(url: string): Promise<WorkerFigures> {
  const text = await (await fetch(url)).text();
  const lines = new Map(text.split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), line]));
  const value = (name: string): number => Number(lines.get(name)?.slice(name.length) ?? 0);
  return {
    rssMb: value('process_resident_memory_bytes') / 1_048_576,
    lagP50Ms: value('nodejs_eventloop_lag_p50_seconds') * 1000,
    lagP99Ms: value('nodejs_eventloop_lag_p99_seconds') * 1000,
    streams: value('runfleet_streams_open'),
    broken: value('runfleet_streams_total{result="broken"}') + value('runfleet_streams_total{result="lost"}'),
    cpuSeconds: value('process_cpu_seconds_total'),
  };
}
