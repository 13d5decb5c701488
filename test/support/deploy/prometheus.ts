import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { freePort } from '../../../src/runtime/free-port.ts';
import { spawnGuarded } from '../children.ts';
import { eventuallyPasses } from '../eventually.ts';

export interface Prometheus extends AsyncDisposable {
  /** The one number that a query answers with; null for none. */
  query(expression: string): Promise<number | null>;
  /** Targets by health. */
  targets(): Promise<Record<string, number>>;
  /** Rules that could not be evaluated, or have not been yet. */
  unhealthyRules(): Promise<string[]>;
}

export interface PrometheusOptions {
  readonly binary: string;
  /** `host:port`s by job. */
  readonly jobs: Readonly<Record<string, readonly string[]>>;
  readonly ruleFiles: readonly string[];
}

const answer = z.object({ status: z.literal('success'), data: z.unknown() });
const vector = z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) });
const targets = z.object({ activeTargets: z.array(z.object({ health: z.string() })) });
const rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })),
});

/** A real one, on a port and in a folder of its own. */
export async function startPrometheus({ binary, jobs, ruleFiles }: PrometheusOptions): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'runfleet-prometheus-'));
  const port = await freePort();
  // JSON is YAML.
  const config = JSON.stringify({
    global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: Object.entries(jobs).map(([name, addresses]) => ({
      job_name: name,
      static_configs: [{ targets: addresses }],
    })),
  });
  await writeFile(join(folder, 'prometheus.yml'), config);
  await mkdir(join(folder, 'data'));
  const child = await spawnGuarded(binary, [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}${path}`);
    return answer.parse(await response.json()).data;
  };
  await eventuallyPasses(async () => {
    const { ok, status } = await fetch(`${url}/-/ready`);
    if (!ok) throw new Error(`Prometheus is not ready: ${status}`);
  });
  return {
    async query(expression) {
      const data = await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`);
      const [first] = vector.parse(data).result;
      return first === undefined ? null : Number(first.value[1]);
    },
    async targets() {
      const counts: Record<string, number> = {};
      for (const { health } of targets.parse(await ask('/api/v1/targets')).activeTargets) {
        counts[health] = (counts[health] ?? 0) + 1;
      }
      return counts;
    },
    async unhealthyRules() {
      const all = rules.parse(await ask('/api/v1/rules')).groups.flatMap((group) => group.rules);
      return all.filter(({ health }) => health !== 'ok').map(({ name }) => name);
    },
    async [Symbol.asyncDispose]() {
      await child.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
