/** A whole fleet for one test: the simulator here, API and workers as processes of their own. */

import OpenAI from 'openai';
import { RunfleetClient } from '../../src/client/index.ts';
import {
  type Ledger,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import { type Env, type Lifetime, RunfleetProcess } from './processes.ts';
import type { TestRedis } from './redis.ts';

export const secrets = {
  openai: 'sk-secret-openai-0123456789',
  runfleet: 'secret-runfleet-key-0123456789',
} as const;

export interface FleetOptions {
  readonly redis: Pick<TestRedis, 'url' | 'prefix'>;
  readonly workers?: number;
  readonly simulator?: SimulatorOptions;
  readonly env?: Env;
  /** Where the workers call; default: the simulator. */
  readonly baseUrl?: (simulator: Simulator) => string;
}

export class Fleet {
  readonly simulator: Simulator;
  readonly env: Env;
  readonly prefix: string;
  readonly api: RunfleetProcess;
  readonly workers: RunfleetProcess[] = [];
  readonly client: RunfleetClient;
  private readonly owner: Lifetime;

  private constructor(owner: Lifetime, simulator: Simulator, env: Env, api: RunfleetProcess) {
    this.owner = owner;
    this.simulator = simulator;
    this.env = env;
    this.prefix = env['RUNFLEET_PREFIX'] ?? '';
    this.api = api;
    this.client = new RunfleetClient({ baseUrl: api.apiUrl, apiKey: secrets.runfleet });
  }

  static async start(owner: Lifetime, options: FleetOptions): Promise<Fleet> {
    const simulator = await startSimulator({
      apiKeys: [secrets.openai],
      queueDurations: { type: 'fixed', ms: 0 },
      ...options.simulator,
    });
    owner.onTestFinished(() => simulator.close());
    const env = {
      REDIS_URL: options.redis.url,
      RUNFLEET_PREFIX: options.redis.prefix(),
      OPENAI_API_KEY: secrets.openai,
      OPENAI_BASE_URL: options.baseUrl?.(simulator) ?? simulator.baseUrl,
      RUNFLEET_API_KEYS: `tester:${secrets.runfleet}`,
      RUNFLEET_PORT: '0',
      RUNFLEET_POLL_POLICY: 'backoff',
      // Short, so that short runs are looked at a few times.
      RUNFLEET_BACKOFF_INITIAL_MS: '100',
      RUNFLEET_BACKOFF_MAX_MS: '1000',
      ...options.env,
    };
    const api = await RunfleetProcess.start(owner, ['api'], env);
    const fleet = new Fleet(owner, simulator, env, api);
    await Promise.all(Array.from({ length: options.workers ?? 1 }, () => fleet.addWorker()));
    return fleet;
  }

  async addWorker(env: Env = {}): Promise<RunfleetProcess> {
    const worker = await RunfleetProcess.start(this.owner, ['runs'], { ...this.env, ...env });
    this.workers.push(worker);
    return worker;
  }

  /** A process that serves test/support/tools-module.ts. */
  async addTools(env: Env = {}): Promise<RunfleetProcess> {
    const module = { RUNFLEET_TOOLS_MODULE: './test/support/tools-module.ts' };
    return await RunfleetProcess.start(this.owner, ['tools'], { ...this.env, ...module, ...env });
  }

  /** What `runfleet enqueue` and the like need to find this fleet. */
  get cliEnv(): Env {
    return { RUNFLEET_URL: this.api.apiUrl, RUNFLEET_API_KEY: secrets.runfleet };
  }

  ledger(): Ledger & { readonly runs: NonNullable<Ledger['runs']> } {
    const ledger = this.simulator.ledger({ runs: true });
    return { ...ledger, runs: ledger.runs ?? [] };
  }

  /** A new thread at the provider. */
  async newThread(): Promise<string> {
    const openai = new OpenAI({ apiKey: secrets.openai, baseURL: this.simulator.baseUrl });
    return (await openai.beta.threads.create()).id;
  }

  /** What the processes have printed and logged so far. */
  output(): string {
    return [this.api, ...this.workers].map(({ stdout, stderr }) => stdout + stderr).join('\n');
  }
}

/** A `responses` run of this fate. */
export function aResponse(fate: Readonly<Record<string, string | number>>, prompt = 'Hello') {
  return {
    kind: 'responses',
    request: { model: 'gpt-5', input: prompt, metadata: simulated(fate) },
  } as const;
}

/** An `assistants` run of this fate, on a thread of its own. */
export function anAssistantsRun(fate: Readonly<Record<string, string | number>>, prompt = 'Hello') {
  return {
    kind: 'assistants',
    request: {
      assistant_id: 'asst_1',
      thread: { messages: [{ role: 'user', content: prompt }] },
      metadata: simulated(fate),
    },
  } as const;
}

/** `{ ending: 'failed' }` → `{ sim_ending: 'failed' }`; see docs/simulator.md. */
export function simulated(fate: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fate).map(([name, value]) => [`sim_${name}`, String(value)]));
}
