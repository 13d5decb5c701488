/**
 * `npm run bench:overload`: very many runs in flight at a provider that costs nothing, with whole processes and a real
 * Redis: memory of each, throughput, and how quick the API stays. Then as many runs in lanes and out of them.
 */

import { parseArgs } from 'node:util';
import { flight } from './flight.ts';
import { lanes } from './lanes.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    workers: { type: 'string', default: '2' },
    hold: { type: 'string', default: '30' },
    lanes: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const runsALane = 3;

if (values.help) {
  process.stdout.write(
    'npm run bench:overload -- [--runs 100000] [--workers 2] [--hold SECONDS] [--lanes 10000] [--json]\n' +
      '--runs 0 or --lanes 0 leaves that part out.\n',
  );
} else {
  const workers = Number(values.workers);
  const parts: Record<string, Record<string, number>> = {};
  if (Number(values.runs) > 0)
    parts['in flight'] = await flight({
      runs: Number(values.runs),
      workers,
      holdSeconds: Number(values.hold),
    });
  if (Number(values.lanes) > 0) {
    const runs = Number(values.lanes) * runsALane;
    parts['in lanes'] = await lanes({ lanes: Number(values.lanes), runs, workers });
    parts['without lanes'] = await lanes({ lanes: 0, runs, workers });
  }
  if (values.json) process.stdout.write(`${JSON.stringify(parts)}\n`);
  else {
    for (const [part, figures] of Object.entries(parts)) {
      process.stdout.write(`${part}\n`);
      for (const [name, figure] of Object.entries(figures))
        process.stdout.write(`  ${name.padEnd(58)} ${figure.toFixed(2)}\n`);
    }
  }
}
