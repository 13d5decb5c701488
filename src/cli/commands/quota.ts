/** `quota`: limits, use, who waits and why; with `--watch` for as long as somebody looks. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isRunfleetApiError, type Quota, RunfleetConnectionError } from '../../client/index.ts';
import type { FleetOptions } from '../context.ts';
import { exitCodes } from '../io.ts';
import { type Paint, printable } from '../output.ts';
import { examples, type Registration, withFleet } from './command.ts';

const refreshMs = 1000;
const clearScreen = '\u001B[2J\u001B[H';

const reasons = {
  pause: 'the provider said 429 and when to come back',
  tokens: 'the tokens of this minute are reserved',
  settling: 'Redis was restarted, or the limit was lowered: the last minute must pass first',
  quota: 'all slots of this minute are taken',
} as const;

export function registerQuota({ program, context, finish }: Registration): void {
  const command = program
    .command('quota')
    .description('the quota of each account: limits, use, waiting calls by class, and why they wait')
    .option('--watch', 'once a second, until Ctrl-C');
  examples(withFleet(command), [
    'runfleet quota --watch',
    'runfleet quota --json | jq .requests.used_ratio',
  ]).action(async () => {
    const { out, io } = context;
    const options = command.optsWithGlobals<FleetOptions & { readonly watch?: boolean }>();
    const client = context.client(options);
    const signal = context.stopped();
    const clear = options.watch === true && io.isTTY.stdout ? clearScreen : '';
    let wasSeen = false;
    for (;;) {
      try {
        const quota = await client.quota({ signal });
        if (options.json === true) out.json(quota);
        else out.line(clear + describeQuota(quota, out.paint));
        wasSeen = true;
      } catch (error) {
        // Whoever watches wants to see it come back.
        if (options.watch !== true || !wasSeen || !isPassing(error)) throw error;
        out.message(`${error.message} Trying again.`);
      }
      if (options.watch !== true) break;
      // The exit code goes by the reason of the signal.
      await sleep(refreshMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    finish(exitCodes.ok);
  });
}

function isPassing(error: unknown): error is Error {
  return error instanceof RunfleetConnectionError || (isRunfleetApiError(error) && error.status >= 500);
}

export function describeQuota(quota: Quota, paint: Paint): string {
  // An older server knows of one account.
  const accounts = quota.accounts ?? [];
  if (accounts.length < 2) return describeAccount(quota, paint);
  return accounts
    .map((account) => `${paint('bold', printable(account.name))}\n${describeAccount(account, paint)}`)
    .join('\n\n');
}

function describeAccount(quota: Omit<Quota, 'object' | 'accounts'>, paint: Paint): string {
  const { requests, tokens, classes } = quota;
  const rows = Object.entries(classes).map(([name, { limit, used, booked, queued }]) =>
    [name.padEnd(10), number(limit), number(used), number(booked), number(queued)].join(''),
  );
  const why =
    quota.waiting_for === null ? [] : [paint('yellow', `Calls wait: ${reasons[quota.waiting_for]}.`)];
  const paused =
    quota.paused_until === null ? [] : [paint('red', `Everybody pauses until ${quota.paused_until}.`)];
  return [
    unitLine('calls', requests, quota.window_seconds, paint),
    unitLine('tokens', tokens, quota.window_seconds, paint),
    paint(
      'dim',
      [
        'class'.padEnd(10),
        ...['own limit', 'used', 'booked', 'queued'].map((head) => head.padStart(11)),
      ].join(''),
    ),
    ...rows,
    ...why,
    ...paused,
  ].join('\n');
}

function unitLine(name: string, unit: Quota['requests'], windowSeconds: number, paint: Paint): string {
  if (unit.limit === null)
    return `${name.padEnd(10)}${Math.round(unit.used)} in ${windowSeconds} s, no limit known`;
  const filled = Math.max(0, Math.min(20, Math.round(unit.used_ratio * 20)));
  const bar = paint('cyan', '█'.repeat(filled)) + paint('dim', '░'.repeat(20 - filled));
  const share = `${(unit.used_ratio * 100).toFixed(1)} %`;
  return `${name.padEnd(10)}${bar} ${Math.round(unit.used)} of ${unit.limit} in ${windowSeconds} s, ${share} (${unit.source})`;
}

const number = (value: number | null): string =>
  (value === null ? '–' : String(Math.round(value))).padStart(11);
