import { RunfleetClient, type RunInput } from '../../src/client/index.ts';

/** No run of a benchmark meets its deadline. */
const deadlineSeconds = 6 * 3600;
/** Long enough for a prompt as most are. */
const prompt = 'Say in one sentence what this text is about. '.repeat(20);

export function runOf(more: Partial<RunInput> = {}): RunInput {
  const request = { model: 'gpt-5', input: prompt };
  return { request, deadline_seconds: deadlineSeconds, metadata: { job: 'overload' }, ...more };
}

export interface Accepted {
  readonly ids: readonly string[];
  readonly seconds: number;
}

/** Sends so many runs in bulk, two requests at a time. */
export async function fill(
  apiUrl: string,
  count: number,
  input: (at: number) => RunInput,
): Promise<Accepted> {
  const client = new RunfleetClient({ baseUrl: apiUrl });
  const ids: string[] = [];
  const startMs = performance.now();
  let sent = 0;
  const send = async (): Promise<void> => {
    while (sent < count) {
      const from = sent;
      sent = Math.min(count, sent + 1000);
      const inputs = Array.from({ length: sent - from }, (_, at) => input(from + at));
      for (const { run } of await client.runs.createMany(inputs)) ids.push(run?.id ?? '');
    }
  };
  await Promise.all([send(), send()]);
  return { ids, seconds: (performance.now() - startMs) / 1000 };
}
