import { parseArgs } from 'node:util';

export interface ChaosOptions {
  /** Everything that is drawn is drawn from it: the runs, the faults, who is struck and how. */
  readonly seed: number;
  /** How long things break; what was accepted is then waited for. */
  readonly minutes: number;
  /** Runs a second. */
  readonly rate: number;
  readonly json: boolean;
}

export const help = `npm run chaos -- [--seed N] [--minutes M] [--rate R] [--json]

A whole fleet of real processes on a real Redis, before a provider that errs; every few seconds one of them is killed,
frozen or restarted, Redis dies, the wire is cut. Then what the fleet says is held against what the provider has seen.
Exit code 0 only if every promise was kept.

  --seed N     replays the same runs, faults and strokes (default: a new one, which is printed)
  --minutes M  how long things break (default 1); then what was accepted is carried to its end, some two minutes at most
  --rate R     runs a second (default 6)
  --json       the verdict as JSON`;

/** Null: help was asked for. Throws a one-line error for what cannot be used. */
export function parseOptions(args: readonly string[]): ChaosOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '1' },
      rate: { type: 'string', default: '6' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    seed: values.seed === undefined ? newSeed() : within('seed', values.seed, 0, 2 ** 32 - 1),
    minutes: within('minutes', values.minutes, 0.05, 24 * 60),
    rate: within('rate', values.rate, 0.1, 200),
    json: values.json,
  };
}

function within(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new Error(`--${name} must be a number from ${least} to ${most}.`);
}

function newSeed(): number {
  return Math.floor(Math.random() * 1_000_000);
}
