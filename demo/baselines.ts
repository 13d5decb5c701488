/** The same runs without runfleet: each held by a loop of its own, on a simulator of its own. */

import OpenAI from 'openai';
import type { Simulator } from '../src/simulator/index.ts';
import type { DemoRun } from './runs.ts';

export interface Measured {
  readonly runs: number;
  readonly calls: number;
  readonly delaysMs: readonly number[];
}

/** When a loop looks: milliseconds to wait before look number n = 0, 1, … */
export type Cadence = (look: number) => number;

/** `while (true) { retrieve(); sleep(1000) }` */
export const naive: Cadence = () => 1000;
/** The SDK's `createAndPoll`: at once, then every 5 s. It has none for responses, so its cadence is used for both. */
export const sdkHelper: Cadence = (look) => (look === 0 ? 0 : 5000);

interface Followed {
  readonly id: string;
  readonly seenAtMs: number;
}

export async function measure(
  simulator: Simulator,
  runs: readonly DemoRun[],
  cadence: Cadence,
): Promise<Measured> {
  const client = new OpenAI({ apiKey: 'demo', baseURL: simulator.baseUrl, maxRetries: 0 });
  const followed = await Promise.all(runs.map((run) => follow(client, run, cadence)));
  const ledger = simulator.ledger({ runs: true });
  const endOf = new Map(ledger.runs?.map(({ id, endedAtMs }) => [id, endedAtMs]));
  const delaysMs = followed.map(({ id, seenAtMs }) => Math.max(0, seenAtMs - (endOf.get(id) ?? seenAtMs)));
  return { runs: runs.length, calls: ledger.callsTotal, delaysMs };
}

async function follow(client: OpenAI, { input }: DemoRun, cadence: Cadence): Promise<Followed> {
  const { look, output } = await create(client, input);
  for (let n = 0; ; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, cadence(n)));
    const { id, status } = await look();
    if (status === 'queued' || status === 'in_progress') continue;
    const seenAtMs = Date.now();
    if (status === 'completed' || status === 'incomplete') await output();
    return { id, seenAtMs };
  }
}

interface Handle {
  readonly look: () => Promise<{ id: string; status?: string | undefined }>;
  readonly output: () => Promise<unknown>;
}

async function create(client: OpenAI, { kind, request }: DemoRun['input']): Promise<Handle> {
  const { model, input, assistant_id: assistantId, ...rest } = request;
  if (kind === 'assistants') {
    const { id, thread_id } = await client.beta.threads.createAndRun({
      assistant_id: String(assistantId),
      ...rest,
    });
    return {
      look: () => client.beta.threads.runs.retrieve(id, { thread_id }),
      output: async () => await client.beta.threads.messages.list(thread_id, { run_id: id }),
    };
  }
  const body = {
    ...rest,
    model: String(model),
    input: String(input),
    background: true,
    stream: false,
  } as const;
  const { id } = await client.responses.create(body);
  return { look: () => client.responses.retrieve(id), output: () => Promise.resolve() };
}
