/** The flags of `enqueue` that describe a run, and the run they describe. */

import type { Command } from 'commander';
import { Option } from 'commander';
import { maxDeadlineSeconds, maxPriority, mostDelaySeconds } from '../../domain/wire/run-input.ts';
import type { RunInput } from '../../client/index.ts';
import { runKinds } from '../../domain/status.ts';
import type { RunKind } from '../../domain/status.ts';
import type { FleetOptions } from '../context.ts';
import { readAll, readArgument } from '../input.ts';
import { UserError } from '../io.ts';
import type { CliIo } from '../io.ts';
import { collectPair, integer, parseSeconds } from '../parse.ts';

export interface EnqueueOptions extends FleetOptions {
  readonly model?: string;
  readonly input?: string;
  readonly kind?: RunKind;
  readonly request?: string;
  readonly file?: string;
  readonly label?: string;
  readonly lane?: string;
  readonly account?: string;
  readonly follow?: RunInput['follow'];
  readonly deadline?: number;
  readonly pollCost?: number;
  readonly maxDelay?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly priority?: number;
  readonly callback?: string;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
}

export function withRunOptions(command: Command): Command {
  return command
    .option('--model <model>', 'with --input: the short way to a `responses` run')
    .option('--input <text>', 'what to ask; - reads it from standard input')
    .addOption(new Option('--kind <kind>', 'which API carries the run').choices(runKinds))
    .option(
      '--request <json>',
      "the provider's own create parameters: JSON, @file.json, or - for standard input",
    )
    .option('--file <jsonl>', 'many runs: a JSON object a line, as for POST /v1/runs; - for standard input')
    .option('--label <label>', 'your class of run, for learning how long it takes')
    .option('--account <name>', 'the account or pool that carries it')
    .option('--lane <lane>', 'runs of one lane go one at a time, in order')
    .addOption(
      new Option(
        '--follow <how>',
        'how its end is found out; `stream`: its events are read as they come',
      ).choices(['auto', 'poll', 'webhook', 'stream'] satisfies RunInput['follow'][]),
    )
    .option('--deadline <time>', `such as 90s or 2h, at most ${maxDeadlineSeconds / 86_400}d`, parseSeconds)
    .option('--poll-cost <time>', 'the delay that one look is worth, such as 200ms or 10s', parseSeconds)
    .option(
      '--max-delay <time>',
      `looks are no further apart, at most ${mostDelaySeconds / 60}m`,
      parseSeconds,
    )
    .option('--metadata <key=value>', 'kept with the run; may be given often', collectPair)
    .option('--priority <n>', '0 goes first, larger later', integer(0, maxPriority))
    .option('--callback <url>', 'receives one signed POST when the run has ended')
    .option('--idempotency-key <key>', 'sent again with the same key, it is the same run')
    .option('--wait', 'wait for the end: exits 0 when it completed, 2 when it ended otherwise');
}

/** All but the request. */
export function settingsOf(options: EnqueueOptions): Omit<RunInput, 'request'> {
  return {
    ...(options.kind === undefined ? {} : { kind: options.kind }),
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(options.account === undefined ? {} : { account: options.account }),
    ...(options.lane === undefined ? {} : { lane: options.lane }),
    ...(options.follow === undefined ? {} : { follow: options.follow }),
    ...(options.deadline === undefined ? {} : { deadline_seconds: options.deadline }),
    ...(options.pollCost === undefined ? {} : { poll_cost_seconds: options.pollCost }),
    ...(options.maxDelay === undefined ? {} : { max_delay_seconds: options.maxDelay }),
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    ...(options.callback === undefined ? {} : { callback: { url: options.callback } }),
  };
}

/** Throws a `UserError` for flags that contradict each other. */
export async function requestOf(
  options: EnqueueOptions,
  io: CliIo,
  signal: AbortSignal,
): Promise<RunInput['request']> {
  const { model, input, request } = options;
  if (request !== undefined) {
    if (model !== undefined || input !== undefined) {
      throw new UserError(
        '--request is the whole request: put model and input into it, or leave --request out.',
      );
    }
    return parseRequest(await readArgument(io, request, signal), request);
  }
  if (model === undefined || input === undefined) {
    throw new UserError('Nothing to run. Give --model and --input, or --request, or --file.');
  }
  if (options.kind === 'assistants') {
    throw new UserError('--model and --input make a `responses` run. For assistants give --request.');
  }
  return { model, input: input === '-' ? await readAll(io, signal) : input };
}

function parseRequest(text: string, source: string): RunInput['request'] {
  const place = /^[@-]/.test(source) ? ` in ${source.replace(/^@/, '')}` : '';
  const value = parseObject(text);
  if (value === null) {
    throw new UserError(`--request${place} is not a JSON object. Write '{"model": …}', @file.json or -.`);
  }
  return value;
}

/** A JSON object, or null. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
