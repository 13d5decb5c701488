/**
 * Who goes first where looks wait for their permits: looks of a class that has had few of the latest ones. Else ten
 * thousand looks of one class that fall due at once would hold up those of all others.
 *
 * What counts is what was permitted, so a class that is passed over is soon among those that go first: none starves.
 */

/** Permitted looks after which one counts half. */
const halfLife = 200;
/** Classes that have about the same share must not take turns in going first. */
const clearly = 0.9;
/** Beyond so many classes the smallest are forgotten: they go first anyway. */
const mostClasses = 1000;
const negligible = 0.02;

export class LookShares {
  private readonly weights = new Map<string, number>();
  /** Of the next look; grows instead of shrinking all others. */
  private weight = 1;
  private total = 0;
  private squares = 0;

  permitted(classKey: string): void {
    this.add(classKey, this.weight);
    this.weight *= 2 ** (1 / halfLife);
    if (this.weight > 1e6 || this.weights.size > mostClasses) this.rescale();
  }

  /** Whether a look of this class goes first: its share is below that of the class of a look taken at random. */
  isLight(classKey: string): boolean {
    const own = this.weights.get(classKey) ?? 0;
    return own * this.total < clearly * this.squares;
  }

  private add(classKey: string, weight: number): void {
    const before = this.weights.get(classKey) ?? 0;
    this.weights.set(classKey, before + weight);
    this.total += weight;
    this.squares += weight * (2 * before + weight);
  }

  private rescale(): void {
    const kept = [...this.weights].map(([classKey, weight]) => [classKey, weight / this.weight] as const);
    this.weights.clear();
    this.weight = 1;
    this.total = 0;
    this.squares = 0;
    const largest = kept.filter(([, weight]) => weight > negligible).toSorted(([, a], [, b]) => b - a);
    for (const [classKey, weight] of largest.slice(0, mostClasses / 2)) this.add(classKey, weight);
  }
}
