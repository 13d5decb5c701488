/**
 * `npm run bench:webhooks`: how fast the API answers webhooks at a steady rate, and how long after its webhook a run's
 * end is known. Whole processes, a real Redis, and a relay of our own before the API, which notes when each webhook came.
 */

import { parseArgs } from 'node:util';
import { withRedis } from '../limiter/redis.ts';
import { answers } from './answers.ts';
import { BenchFleet } from './fleet.ts';
import { wakes } from './wakes.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '10' },
    runs: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write('npm run bench:webhooks -- [--rate 500] [--seconds 10] [--runs 500] [--json]\n');
} else {
  await withRedis(async (port) => {
    await using fleet = await BenchFleet.start(port);
    const figures = {
      ...(await wakes(fleet, Number(values.runs))),
      ...(await answers(fleet, Number(values.rate), Number(values.seconds))),
    };
    if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
    else {
      for (const [name, figure] of Object.entries(figures))
        process.stdout.write(`${name.padEnd(34)} ${figure.toFixed(2)}\n`);
    }
  });
}
