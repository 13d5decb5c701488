/** Length of the window that rate limits are counted over. */
export const WINDOW_MS = 60_000;

/**
 * What happened within the last minute: a ring of (time, weight) pairs that grows to the busiest minute and
 * no further. Adding and summing cost O(1) amortised. Times must not decrease.
 *
 * An event at `t` is in the window of `now` when `now - WINDOW_MS < t ≤ now`.
 */
export class SlidingWindow {
  #times = new Float64Array(64);
  #weights = new Float64Array(64);
  #head = 0;
  #size = 0;
  #sum = 0;

  add(nowMs: number, weight = 1): void {
    this.#expire(nowMs);
    if (this.#size === this.#times.length) this.#grow();
    const at = (this.#head + this.#size) % this.#times.length;
    this.#times[at] = nowMs;
    this.#weights[at] = weight;
    this.#size++;
    this.#sum += weight;
  }

  sum(nowMs: number): number {
    this.#expire(nowMs);
    return this.#sum;
  }

  /** How long until at least `weight` has left the window; 0 when nothing needs to leave. */
  msUntilFreed(nowMs: number, weight: number): number {
    this.#expire(nowMs);
    let freed = 0;
    for (let i = 0; i < this.#size && freed < weight; i++) {
      const at = (this.#head + i) % this.#times.length;
      freed += this.#weights[at] ?? 0;
      if (freed >= weight) return (this.#times[at] ?? 0) + WINDOW_MS - nowMs;
    }
    return 0;
  }

  /** How long until the window is empty again. */
  msUntilEmpty(nowMs: number): number {
    this.#expire(nowMs);
    if (this.#size === 0) return 0;
    const newest = this.#times[(this.#head + this.#size - 1) % this.#times.length] ?? 0;
    return newest + WINDOW_MS - nowMs;
  }

  #expire(nowMs: number): void {
    while (this.#size > 0 && (this.#times[this.#head] ?? 0) <= nowMs - WINDOW_MS) {
      this.#sum -= this.#weights[this.#head] ?? 0;
      this.#head = (this.#head + 1) % this.#times.length;
      this.#size--;
    }
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    const times = new Float64Array(capacity);
    const weights = new Float64Array(capacity);
    for (let i = 0; i < this.#size; i++) {
      const at = (this.#head + i) % this.#times.length;
      times[i] = this.#times[at] ?? 0;
      weights[i] = this.#weights[at] ?? 0;
    }
    this.#times = times;
    this.#weights = weights;
    this.#head = 0;
  }
}
