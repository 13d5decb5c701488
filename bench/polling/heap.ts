/** A priority queue in virtual time: the earliest first; of two at once, the one that was added first. */

interface Entry<T> {
  readonly atMs: number;
  readonly order: number;
  readonly item: T;
}

export class TimeHeap<T> {
  private readonly entries: Entry<T>[] = [];
  private added = 0;

  get size(): number {
    return this.entries.length;
  }

  peekMs(): number {
    return this.entries[0]?.atMs ?? Infinity;
  }

  push(atMs: number, item: T): void {
    const { entries } = this;
    const entry = { atMs, order: this.added, item };
    this.added += 1;
    let i = entries.length;
    entries.push(entry);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = entries[up];
      if (parent === undefined || before(parent, entry)) break;
      entries[i] = parent;
      i = up;
    }
    entries[i] = entry;
  }

  pop(): T | undefined {
    const { entries } = this;
    const top = entries[0];
    const last = entries.pop();
    if (top === undefined || last === undefined || entries.length === 0) return top?.item;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      let least = entries[child];
      if (least === undefined) break;
      const right = entries[child + 1];
      if (right !== undefined && before(right, least)) {
        least = right;
        child += 1;
      }
      if (before(last, least)) break;
      entries[i] = least;
      i = child;
    }
    entries[i] = last;
    return top.item;
  }
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
