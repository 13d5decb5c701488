/** Option values, from text. Each throws what commander turns into a one-line message. */

import { InvalidArgumentError } from 'commander';
import type { Distribution } from '../simulator/index.ts';

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `250ms`, `4s`, `1.5m`, `2h`; a bare number is in `bareUnit`, where one is given. */
export function parseDurationMs(text: string, bareUnit?: 'ms' | 's'): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  const factor = unitMs[match?.[2] ?? bareUnit ?? ''];
  if (match === null || factor === undefined) {
    throw new InvalidArgumentError('Write a time such as 250ms, 4s, 10m or 2h.');
  }
  return Number(match[1]) * factor;
}

/** Seconds, from `600` or `10m`. */
export function parseSeconds(text: string): number {
  return parseDurationMs(text, 's') / 1000;
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** `0.05` or `5%`. */
export function parseShare(text: string): number {
  const match = /^(\d*\.?\d+)(%?)$/.exec(text.trim());
  const value = Number(match?.[1]) / (match?.[2] === '%' ? 100 : 1);
  if (!(value <= 1)) {
    throw new InvalidArgumentError('Write a share from 0 to 1, such as 0.05.');
  }
  return value;
}

/** Collects `--metadata key=value`, given once or often. */
export function collectPair(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write key=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** `completed=9,failed=1`: weights. */
export function parseWeights(text: string): Readonly<Record<string, number>> {
  const pairs = text.split(',').map((part) => {
    const [name = '', weight = '1', ...rest] = part.trim().split('=');
    const value = Number(weight);
    if (name === '' || rest.length > 0 || weight.trim() === '' || !(value >= 0)) {
      throw new InvalidArgumentError('Write endings with weights, such as completed=9,failed=1.');
    }
    return [name, value] as const;
  });
  return Object.fromEntries(pairs);
}

const distributionHelp =
  'Write 4s, or fixed:4s, uniform:1s,5s, lognormal:MEDIAN,SIGMA, bimodal:FAST,SLOW,SLOW_SHARE or pareto:MIN,ALPHA.';

/** `lognormal:4s,0.8` and its like. */
export function parseDistribution(text: string): Distribution {
  const [head = '', tail] = text.split(':');
  const type = tail === undefined ? 'fixed' : head.trim();
  const args = (tail ?? head).split(',').map((arg) => arg.trim());
  const [first = '', second = '', third = ''] = args;
  const expected = { fixed: 1, uniform: 2, lognormal: 2, bimodal: 3, pareto: 2 }[type];
  if (expected !== args.length) throw new InvalidArgumentError(distributionHelp);
  const number = (arg: string): number => {
    const value = Number(arg);
    if (arg === '' || !Number.isFinite(value)) throw new InvalidArgumentError(distributionHelp);
    return value;
  };
  switch (type) {
    case 'uniform':
      return { type, minMs: parseDurationMs(first), maxMs: parseDurationMs(second) };
    case 'lognormal':
      return { type, medianMs: parseDurationMs(first), sigma: number(second) };
    case 'bimodal':
      return {
        type,
        fastMs: parseDurationMs(first),
        slowMs: parseDurationMs(second),
        slowShare: parseShare(third),
      };
    case 'pareto':
      return { type, minMs: parseDurationMs(first), alpha: number(second) };
    default:
      return { type: 'fixed', ms: parseDurationMs(first) };
  }
}
