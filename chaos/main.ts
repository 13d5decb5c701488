/** `npm run chaos`: everything breaks, and nothing is lost. Exit code 0 only if every promise was kept. */

import { chaos, type Progress } from './chaos.ts';
import { redisBinary } from '../test/support/redis-server.ts';
import { help, parseOptions } from './options.ts';
import { judge, keep, stories, table } from './report.ts';

const print = (text: string): void => void process.stderr.write(text);

/** One line that is written over on a terminal; elsewhere one every ten seconds. */
function showProgress(isTerminal: boolean): (progress: Progress) => void {
  const startedAtMs = Date.now();
  let saidAtMs = 0;
  return ({ phase, sent, accepted, ended, deed }) => {
    if (!isTerminal && Date.now() - saidAtMs < 10_000) return;
    saidAtMs = Date.now();
    const seconds = String(Math.round((saidAtMs - startedAtMs) / 1000)).padStart(4);
    const line = `${seconds} s  ${phase.padEnd(9)} ${sent} sent, ${accepted} accepted, ${ended} ended  ${phase === 'breaking' ? deed : ''}`;
    print(isTerminal ? `\r${line.padEnd(90)}` : `${line}\n`);
  };
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  if (redisBinary === null) throw new Error('It needs redis-server or valkey-server on the PATH.');
  const isTerminal = process.stderr.isTTY;
  print(`Seed ${options.seed}: ${options.minutes} min of chaos, ${options.rate} runs a second.\n`);
  const evidence = await chaos(options, showProgress(isTerminal));
  if (isTerminal) print('\n');
  const findings = judge(evidence);
  const isKept = findings.every(({ breaches }) => breaches.length === 0);
  if (options.json) {
    const verdict = findings.map(({ check, breaches }) => ({
      check: check.name,
      seen: check.seen(evidence),
      breaches,
    }));
    process.stdout.write(`${JSON.stringify({ ...options, kept: isKept, verdict }, null, 2)}\n`);
  } else {
    process.stdout.write(
      `${evidence.deeds.length} strokes\n${table(findings, evidence, process.stdout.isTTY)}`,
    );
  }
  if (isKept) return 0;
  const folder = await keep(findings, evidence, options.seed);
  print(`${stories(findings, evidence)}\nLogs and the stories of all of them: ${folder}\n`);
  print(
    `Again: npm run chaos -- --seed ${options.seed} --minutes ${options.minutes} --rate ${options.rate}\n`,
  );
  return 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  print(`chaos: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
}
