/** `durations`: how long runs take, by what the fleet has learnt. */

import type { DurationClass } from '../../client/index.ts';
import type { FleetOptions } from '../context.ts';
import { duration } from '../format.ts';
import { exitCodes } from '../io.ts';
import { type Paint, printable } from '../output.ts';
import { integer } from '../parse.ts';
import { examples, type Registration, withFleet } from './command.ts';

/** The server's largest answer. */
const mostClasses = 200;

export function registerDurations({ program, context, finish }: Registration): void {
  const command = program
    .command('durations')
    .description('how long runs take, by class, as the fleet has learnt it; with --json one class a line')
    .option('--limit <n>', 'at most so many classes', integer(1, mostClasses), 20);
  examples(withFleet(command), [
    'runfleet durations',
    "runfleet durations --limit 200 --json | jq -r '[.class, .runs, .p50_seconds] | @tsv'",
  ]).action(async () => {
    const { out } = context;
    const options = command.optsWithGlobals<FleetOptions & { readonly limit: number }>();
    const { data } = await context.client(options).durations({
      limit: options.limit,
      signal: context.stopped(),
    });
    for (const one of data) {
      if (options.json === true) out.json(one);
      else out.line(describeClass(one, out.paint));
    }
    if (data.length === 0) out.message('Nothing has been learnt yet.');
    finish(exitCodes.ok);
  });
}

/** The class and its figures, and below them its histogram on a logarithmic axis. */
function describeClass(one: DurationClass, paint: Paint): string {
  const quantiles = (
    [
      ['p10', one.p10_seconds],
      ['p50', one.p50_seconds],
      ['p90', one.p90_seconds],
      ['p99', one.p99_seconds],
    ] as const
  ).map(([name, seconds]) => `${name} ${duration(seconds * 1000)}`);
  const shift = one.shifted ? '  (lately different)' : '';
  const runs = `${one.runs} ${one.runs === 1 ? 'run' : 'runs'}`;
  return [
    `${paint('bold', printable(one.class))}  ${runs}  ${quantiles.join('  ')}${shift}`,
    `  ${axisEnd(one.histogram.at(0)?.from_seconds)} ${paint('cyan', bars(one))} ${axisEnd(one.histogram.at(-1)?.to_seconds)}`,
    '',
  ].join('\n');
}

const blocks = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

function bars({ histogram }: DurationClass): string {
  const highest = Math.max(...histogram.map(({ share }) => share));
  return histogram
    .map(({ share }) => {
      const height = highest > 0 ? (share / highest) * (blocks.length - 1) : 0;
      // What is there is seen, however little.
      return blocks[share > highest / 100 ? Math.max(1, Math.round(height)) : 0];
    })
    .join('');
}

function axisEnd(seconds: number | undefined): string {
  return seconds === undefined ? '' : duration(seconds * 1000);
}
