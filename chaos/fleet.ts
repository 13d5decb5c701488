/** The fleet under chaos: real processes and a real Redis behind a wire that can be cut; the provider is the simulator. */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { RunfleetClient } from '../src/client/index.ts';
import { freePort } from '../src/runtime/free-port.ts';
import { type Simulator, startSimulator } from '../src/simulator/index.ts';
import { eventually } from '../test/support/eventually.ts';
import { RealRedis } from '../test/support/redis-server.ts';
import { TcpProxy } from '../test/support/tcp-proxy.ts';
import { type Life, Member, type Role } from './member.ts';
import { providerFaults, webhookFaults } from './provider.ts';
import { Witness } from './witness.ts';

const secretOf = (text: string): string => `whsec_${Buffer.from(text.padEnd(32, '.')).toString('base64')}`;
const webhookSecret = secretOf('what the provider signs with');
const callbackSecret = secretOf('what the fleet signs with');
const apiKey = 'chaos-key-0123456789';

const places: readonly (readonly [Role, string])[] = [
  ['api', 'api'],
  ['runs', 'runs-1'],
  ['runs', 'runs-2'],
  ['runs', 'runs-3'],
  ['tools', 'tools-1'],
  ['tools', 'tools-2'],
  ['callbacks', 'callbacks'],
];

export const prefix = '{chaos}';
const sharedThreads = 4;

export class ChaosFleet implements AsyncDisposable {
  readonly redis: RealRedis;
  readonly wire: TcpProxy;
  readonly simulator: Simulator;
  readonly witness: Witness;
  readonly client: RunfleetClient;
  readonly members: readonly Member[];
  /** Threads at the provider that several runs share. */
  readonly threads: readonly string[];
  private readonly undo: (() => unknown)[];

  private constructor(
    parts: Pick<ChaosFleet, 'redis' | 'wire' | 'simulator' | 'witness' | 'threads'>,
    port: number,
    rpm: number,
  ) {
    this.redis = parts.redis;
    this.wire = parts.wire;
    this.simulator = parts.simulator;
    this.witness = parts.witness;
    this.threads = parts.threads;
    this.undo = [];
    const baseUrl = `http://127.0.0.1:${port}`;
    this.client = new RunfleetClient({ baseUrl, apiKey, timeoutMs: 5000 });
    const env = {
      REDIS_URL: this.wire.redisUrl,
      RUNFLEET_PREFIX: prefix,
      RUNFLEET_PORT: String(port),
      RUNFLEET_API_KEYS: `chaos:${apiKey}`,
      RUNFLEET_RPM: String(rpm),
      RUNFLEET_CALLBACK_SECRET: callbackSecret,
      RUNFLEET_CALLBACK_ALLOW: '127.0.0.1',
      RUNFLEET_TOOLS_MODULE: './chaos/tools.ts',
      OPENAI_API_KEY: 'sk-chaos',
      OPENAI_BASE_URL: this.simulator.baseUrl,
      OPENAI_WEBHOOK_SECRET: webhookSecret,
      // Half of what a start costs is compiling: processes die by the dozen here.
      NODE_COMPILE_CACHE: join(tmpdir(), 'runfleet-chaos-compiled'),
      CHAOS_EFFECTS_URL: `${this.witness.url}/effects`,
    };
    const owner = {
      onTestFailed: () => {},
      onTestFinished: (end: () => unknown) => this.undo.push(end),
    };
    this.members = places.map(([role, name]) => new Member(owner, role, name, env));
    this.simulator.configure({
      webhooks: { ...webhookFaults, url: `${baseUrl}/v1/webhooks/openai`, secret: webhookSecret },
    });
  }

  /** Whole, ready, and with a provider that does not err yet. `rpm`: the calls a minute that the provider allows. */
  static async start(seed: number, rpm: number): Promise<ChaosFleet> {
    const redis = await RealRedis.start();
    const wire = await TcpProxy.to(redis.port);
    const witness = await Witness.start(callbackSecret, seed);
    const simulator = await startSimulator({ seed, requestsPerMinute: rpm, apiKeys: ['sk-chaos'] });
    const threads = await newThreads(simulator);
    // Making the threads were calls of ours, in the same minute.
    const fleet = new ChaosFleet(
      { redis, wire, simulator, witness, threads },
      await freePort(),
      rpm - sharedThreads,
    );
    for (const member of fleet.members) member.start();
    await fleet.allReady();
    return fleet;
  }

  startFaults(): void {
    this.simulator.setFaults({ rules: providerFaults });
  }

  /** Nothing breaks any more, and every place is filled. */
  async heal(): Promise<void> {
    this.simulator.setFaults({ rules: [] });
    await this.allReady();
  }

  private async allReady(): Promise<void> {
    await eventually(
      'every process of the fleet to be ready',
      () =>
        this.members
          .filter(({ ready }) => !ready)
          .map(({ name, lives }) => [name, lives.at(-1)?.process.stderr]),
      (missing) => missing.length === 0,
      { withinMs: 60_000, everyMs: 100 },
    );
  }

  get lives(): readonly Life[] {
    return this.members.flatMap(({ lives }) => lives);
  }

  /** As `docker compose stop` does. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.undo) await end();
    await this.witness[Symbol.asyncDispose]();
    await this.simulator.close();
    await this.wire[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
  }
}

async function newThreads(simulator: Simulator): Promise<string[]> {
  const openai = new OpenAI({ apiKey: 'sk-chaos', baseURL: simulator.baseUrl });
  const create = async (): Promise<string> => (await openai.beta.threads.create()).id;
  return await Promise.all(Array.from({ length: sharedThreads }, create));
}
