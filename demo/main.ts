/** `npm run demo`: the main job, on a fresh machine. Exit code 0 only if every run ended as it should. */

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RunfleetClient, type RunView } from '../src/client/index.ts';
import { processEnvironment } from '../src/config/index.ts';
import { type RunningProcess, start } from '../src/runtime/index.ts';
import { type Simulator, startSimulator } from '../src/simulator/index.ts';
import { type Measured, measure, naive, sdkHelper } from './baselines.ts';
import { carry, type Result } from './fleet.ts';
import { printComparison, printEndings, printTools } from './report.ts';
import { type DemoRun, realRuns, simulatedRuns } from './runs.ts';

const help = `npm run demo [-- --keep] [-- --model NAME]

Starts Redis, the API and a worker in this process, sends some dozens of runs of every kind and ending, and compares
what they cost with the loops that people write otherwise. Takes about half a minute.

  --keep         leave everything up afterwards, for a look at the board (Ctrl-C ends it)
  --model NAME   with OPENAI_API_KEY set, ten short runs go to the real API, on this model (default gpt-5-nano)`;

const { values: flags } = parseArgs({
  options: {
    keep: { type: 'boolean' },
    model: { type: 'string', default: 'gpt-5-nano' },
    help: { type: 'boolean' },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const colour = process.stdout.isTTY;

if (flags.help === true) print(help);
else process.exitCode = await demo();

async function demo(): Promise<number> {
  const env = processEnvironment();
  const real = Boolean(env['OPENAI_API_KEY'] || env['OPENAI_BASE_URL']);
  const simulators = real ? [] : await Promise.all([1, 2, 3].map(() => startSimulator()));
  const [own, forNaive, forHelper] = simulators;
  const webhookSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const running = await start('all', {
    env: {
      // Quiet by default: the lines of progress are the log here.
      RUNFLEET_LOG_LEVEL: 'error',
      ...env,
      RUNFLEET_PORT: env['RUNFLEET_PORT'] ?? '0',
      RUNFLEET_PREFIX: '{runfleet-demo}',
      // The demo is a stranger's first look: nothing of theirs may keep it from its own API.
      RUNFLEET_HOST: '127.0.0.1',
      RUNFLEET_API_KEYS: '',
      RUNFLEET_TOOLS_MODULE: fileURLToPath(import.meta.resolve('./tools.ts')),
      ...(own === undefined
        ? {}
        : {
            OPENAI_BASE_URL: own.baseUrl,
            OPENAI_API_KEY: 'simulated',
            OPENAI_WEBHOOK_SECRET: webhookSecret,
          }),
    },
    print,
  });
  try {
    const url = `${running.urls.api}/v1/webhooks/openai`;
    own?.configure({ webhooks: { url, secret: webhookSecret, threadRuns: true } });
    if (own !== undefined) print('NO REAL OPENAI: OPENAI_API_KEY is not set, so our simulator answers.');
    const runs = real ? realRuns(flags.model) : simulatedRuns();
    const compared = runs.filter((run) => run.compared === 'looks');
    const [results, ...baselines] = await Promise.all([
      carryAll(running, runs),
      ...(forNaive === undefined ? [] : [measure(forNaive, compared, naive)]),
      ...(forHelper === undefined ? [] : [measure(forHelper, compared, sdkHelper)]),
    ]);
    const wrong = printEndings(results, print, colour);
    printTools(results, print);
    if (own !== undefined) printComparison(comparison(own, results, baselines), print, colour);
    if (flags.keep === true) await keep(running);
    return wrong === 0 ? 0 : 1;
  } finally {
    await running.stop();
    await Promise.all(simulators.map((simulator) => simulator.close()));
  }
}

async function carryAll(running: RunningProcess, runs: readonly DemoRun[]): Promise<Result[]> {
  const client = new RunfleetClient({ baseUrl: running.urls.api ?? '' });
  print(`Sending ${runs.length} runs …`);
  let ended = 0;
  let calls = 0;
  const results = await carry(client, runs, (view: RunView) => {
    ended += 1;
    calls += view.calls.total;
    const line = `  ${ended}/${runs.length} ended, ${calls} API calls for them so far`;
    if (colour) process.stdout.write(`\r${line}`);
    else if (ended % 10 === 0 || ended === runs.length) print(line);
  });
  if (colour) print('');
  return results;
}

function comparison(
  own: Simulator,
  results: readonly Result[],
  baselines: readonly Measured[],
): Map<string, Measured> {
  const endOf = new Map(own.ledger({ runs: true }).runs?.map(({ id, endedAtMs }) => [id, endedAtMs]));
  const ours = (way: DemoRun['compared']): Measured => {
    const compared = results.filter(({ run }) => run.compared === way);
    return {
      runs: compared.length,
      calls: compared.reduce((sum, { view }) => sum + view.calls.total, 0),
      delaysMs: compared.map(({ view }) => {
        const seenAtMs = Date.parse(view.detected_at ?? '');
        return Math.max(0, seenAtMs - (endOf.get(view.provider_run_id ?? '') ?? seenAtMs));
      }),
    };
  };
  const rows: [string, Measured | undefined][] = [
    ['naive loop (a look every second)', baselines[0]],
    ['SDK helper (a look at once, then every 5 s)', baselines[1]],
    ['runfleet, by looks alone', ours('looks')],
    ['runfleet, told by webhooks', ours('webhooks')],
  ];
  return new Map(rows.filter((row): row is [string, Measured] => row[1] !== undefined));
}

async function keep(running: RunningProcess): Promise<void> {
  print(`\nLeft up: ${running.urls.api}/board shows the runs. Ctrl-C ends it.`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}
