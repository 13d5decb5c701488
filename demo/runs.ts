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
  /** Sent to the naive loops as well: a run that the provider ends by itself. */
  readonly compared: boolean;
  /** Cancelled by us as soon as it is in progress. */
  readonly cancel: boolean;
}

const kinds = ['responses', 'assistants'] as const;

/** Dozens of runs of every kind and ending. Durations around 4 s, as those of a short answer. */
export function simulatedRuns(): DemoRun[] {
  const durations = lognormalQuantiles(18, 4000, 0.7);
  return kinds.flatMap((kind) => [
    ...durations.map((ms) => run(kind, 'completed', { sim_duration_ms: ms })),
    ...[2500, 6500].map((ms) => run(kind, 'failed', { sim_ending: 'failed', sim_duration_ms: ms })),
    ...[3500, 9000].map((ms) => run(kind, 'incomplete', { sim_ending: 'incomplete', sim_duration_ms: ms })),
    { ...run(kind, 'cancelled', { sim_ending: 'never' }), compared: false, cancel: true },
    { ...run(kind, 'timed_out', { sim_ending: 'never' }, 6), compared: false },
    { ...run(kind, 'rejected', { sim_ending: 'no such ending' }), compared: false },
    ...(kind === 'assistants'
      ? [run(kind, 'expired', { sim_ending: 'expired', sim_duration_ms: 8000 })]
      : []),
  ]);
}

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
  kind: (typeof kinds)[number],
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
    input: { kind, request, label: 'demo', deadline_seconds: deadlineSeconds },
    expected,
    compared: true,
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
