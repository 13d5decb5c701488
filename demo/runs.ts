import type { RunInput } from '../src/client/index.ts';

export type Expected =
  | 'completed'
  | 'failed'
  | 'incomplete'
  | 'expired'
  | 'cancelled'
  | 'timed_out'
  | 'rejected';

export interface DemoRun {
  readonly input: RunInput;
  readonly expected: Expected;
  /**
   * A run that the provider ends by itself: `looks` is sent to the naive loops as well, `webhooks` is the same once
   * more, and listens to webhooks.
   */
  readonly compared: 'looks' | 'webhooks' | false;
  /** Cancelled by us as soon as it is in progress. */
  readonly cancel: boolean;
}

type Kind = 'responses' | 'assistants';

/** Dozens of runs of every kind and ending. Durations around 4 s, as those of a short answer. */
export function simulatedRuns(): DemoRun[] {
  const expired = run('assistants', 'expired', { sim_ending: 'expired', sim_duration_ms: 8000 });
  const runs = [...runsOf('responses'), ...runsOf('assistants'), expired];
  return [...runs, ...runs.filter(({ compared }) => compared !== false).map(listening)];
}

function listening(original: DemoRun): DemoRun {
  return { ...original, input: { ...original.input, follow: 'webhook' }, compared: 'webhooks' };
}

function runsOf(kind: Kind): DemoRun[] {
  const ended = (expected: Expected, ms: number): DemoRun =>
    run(kind, expected, { sim_ending: expected, sim_duration_ms: ms });
  const alone = { compared: false } as const;
  return [
    ...lognormalQuantiles(18, 4000, 0.7).map((ms) => ended('completed', ms)),
    ...[2500, 6500].map((ms) => ended('failed', ms)),
    ...[3500, 9000].map((ms) => ended('incomplete', ms)),
    Object.assign(run(kind, 'cancelled', { sim_ending: 'never' }), alone, { cancel: true }),
    Object.assign(run(kind, 'timed_out', { sim_ending: 'never' }, 6), alone),
    Object.assign(run(kind, 'rejected', { sim_ending: 'no such ending' }), alone),
    ...[1, 2, 3].map((rounds) => withTools(kind, rounds)),
  ];
}

/** A run that asks for two tools at once, so many times; `demo/tools.ts` answers. */
function withTools(kind: Kind, rounds: number): DemoRun {
  const plain = run(kind, 'completed', {
    sim_tool_rounds: rounds,
    sim_tool_calls: toolNames.length,
    sim_duration_ms: 1500,
  });
  const parameters = { type: 'object', properties: {} };
  const tools = toolNames.map((name) =>
    kind === 'responses'
      ? { type: 'function', name, parameters }
      : { type: 'function', function: { name, parameters } },
  );
  const { input } = plain;
  return {
    ...plain,
    input: { ...input, request: { ...input.request, tools }, tools: { mode: 'queue' } },
    compared: false,
  };
}

const toolNames = ['get_weather', 'ask_a_colleague'];

/** A few cheap runs at a real provider. */
export function realRuns(model: string): DemoRun[] {
  const topics = [
    'rivers',
    'clocks',
    'maps',
    'bridges',
    'tides',
    'looms',
    'kites',
    'lenses',
    'ferries',
    'bells',
  ];
  return topics.map((topic) => ({
    input: { kind: 'responses', request: { model, input: `One sentence about ${topic}.` }, label: 'demo' },
    expected: 'completed',
    compared: false,
    cancel: false,
  }));
}

function run(
  kind: Kind,
  expected: Expected,
  sim: Readonly<Record<string, string | number>>,
  deadlineSeconds = 120,
): DemoRun {
  const metadata = Object.fromEntries(Object.entries(sim).map(([key, value]) => [key, String(value)]));
  const request =
    kind === 'responses'
      ? { model: 'gpt-5', input: 'Name three rivers.', metadata }
      : {
          assistant_id: 'asst_demo',
          thread: { messages: [{ role: 'user', content: 'Name three rivers.' }] },
          metadata,
        };
  return {
    input: { kind, request, label: 'demo', follow: 'poll', deadline_seconds: deadlineSeconds },
    expected,
    compared: 'looks',
    cancel: false,
  };
}

/** `count` values spread over a lognormal as evenly as can be: the same in every demo. Milliseconds. */
function lognormalQuantiles(count: number, medianMs: number, sigma: number): number[] {
  return Array.from({ length: count }, (_, at) => {
    const p = (at + 0.5) / count;
    // The logistic stands in for the normal's quantile: close enough for a demo, and one line.
    const z = Math.log(p / (1 - p)) / 1.702;
    return Math.round(medianMs * Math.exp(sigma * z));
  });
}
