/** A stream of pseudo-random numbers. Equal seeds give equal streams. */
export interface Random {
  /** The next number, 0 ≤ n < 1. */
  next(): number;
  /**
   * An independent stream, fixed by the seed and the label alone. What has been drawn from this one so far
   * does not matter, so the fate of run 7 is the same however often its neighbours are polled.
   */
  fork(label: string): Random;
}

/** FNV-1a with a final mix: labels that differ in one character must not give related streams. */
function hash(text: string, seed: number): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Mulberry32: small, quick, and good enough for a simulator (its period is 2³²). */
class Mulberry implements Random {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  fork(label: string): Random {
    return new Mulberry(hash(label, this.#seed));
  }
}

export function seededRandom(seed: number): Random {
  return new Mulberry(seed);
}

/** One of the keys, each as likely as its weight. `null` when no weight is above zero. */
export function pickWeighted<K extends string>(
  keys: readonly K[],
  weights: Readonly<Partial<Record<K, number>>>,
  random: Random,
): K | null {
  const weighted = keys.map((key) => ({ key, weight: weights[key] ?? 0 })).filter(({ weight }) => weight > 0);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.next() * total;
  for (const { key, weight } of weighted) {
    left -= weight;
    if (left < 0) return key;
  }
  return weighted.at(-1)?.key ?? null;
}
