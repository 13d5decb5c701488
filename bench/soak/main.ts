/**
 * `npm run bench:soak`: a whole fleet under a mixture of all that runs do, with results kept for seconds; and what is
 * left in Redis when all of it is over. Exits 1 if there is more than before.
 */

import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    'in-flight': { type: 'string', default: '300' },
    keep: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write('npm run bench:soak -- [--runs 20000] [--in-flight 300] [--keep SECONDS] [--json]\n');
} else {
  const { figures, keysOverTime, left } = await soak({
    runs: Number(values.runs),
    warmUpRuns: 240,
    inFlight: Number(values['in-flight']),
    keepSeconds: Number(values.keep),
  });
  const leftOver = Object.fromEntries(left);
  if (values.json) process.stdout.write(`${JSON.stringify({ figures, keysOverTime, left: leftOver })}\n`);
  else {
    for (const [name, figure] of Object.entries(figures))
      process.stdout.write(`${name.padEnd(48)} ${figure.toFixed(2)}\n`);
    process.stdout.write(`keys over the time: ${keysOverTime.join(' ')}\n`);
    process.stdout.write(
      left.size === 0 ? 'keys after = keys before\n' : `more than before: ${JSON.stringify(leftOver)}\n`,
    );
  }
  process.exitCode = left.size === 0 ? 0 : 1;
}
