/** Draws that a seed repeats. */

import { seededRandom } from '../src/simulator/random.ts';

export class Draw {
  private readonly random: ReturnType<typeof seededRandom>;

  private constructor(random: ReturnType<typeof seededRandom>) {
    this.random = random;
  }

  static from(seed: number, label: string): Draw {
    return new Draw(seededRandom(seed).fork(label));
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  between(least: number, most: number): number {
    return least + this.random.next() * (most - least);
  }

  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  /** `items` must have one. */
  one<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new Error('Nothing to draw from.');
    return item;
  }
}
