/** How a class's counts are laid out in the fields of its hash: `slow.clock`, `s:<epoch>:<index>`, and `f…` likewise. */

import { type CountsSnapshot, epochOf, type SparseWeights } from '../../domain/polling/decayed-counts.ts';
import type { ClassSnapshot } from '../../domain/polling/shared-counts.ts';

type Letter = 's' | 'f';

export const clockFields = { s: 'slow.clock', f: 'fast.clock' } as const;

export function weightField(letter: Letter, epoch: number, index: number): string {
  return `${letter}:${epoch}:${index}`;
}

/** Null for a hash that is not there. What cannot be read is left out: a count less. */
export function snapshotOf(fields: Readonly<Record<string, string>>): ClassSnapshot | null {
  if (fields[clockFields.s] === undefined && fields[clockFields.f] === undefined) return null;
  return { slow: countsOf('s', fields), fast: countsOf('f', fields) };
}

function countsOf(letter: Letter, fields: Readonly<Record<string, string>>): CountsSnapshot {
  const clock = numberOf(fields[clockFields[letter]]) ?? 0;
  const epoch = epochOf(clock);
  const current: [number, number][] = [];
  const previous: [number, number][] = [];
  for (const [field, text] of Object.entries(fields)) {
    const [own, fieldEpoch, index] = field.split(':');
    const weight = numberOf(text);
    if (own !== letter || weight === null) continue;
    const into = Number(fieldEpoch) === epoch ? current : previous;
    if (into === current || Number(fieldEpoch) === epoch - 1) into.push([Number(index), weight]);
  }
  return { clock, current: sane(current), previous: sane(previous) };
}

function sane(weights: SparseWeights): SparseWeights {
  return weights.filter(([index]) => Number.isInteger(index) && index >= 0);
}

function numberOf(text: string | undefined): number | null {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
