interface Closer {
  readonly name: string;
  readonly close: (leftMs: number) => Promise<unknown>;
}

/** For what ends by itself when its time is over. */
const marginMs = 200;

/** What a process has opened, closed in reverse order. One that fails or hangs does not keep the others open. */
export class Closers {
  private readonly closers: Closer[] = [];
  private readonly onProblem: (name: string, error: unknown) => void;

  constructor(onProblem: (name: string, error: unknown) => void) {
    this.onProblem = onProblem;
  }

  /** `close` is told how long it may take; it is waited for a little longer. */
  add(name: string, close: (leftMs: number) => Promise<unknown>): void {
    this.closers.push({ name, close });
  }

  /** Each gets what is left of `deadlineMs`, and a second at least. */
  async closeAll(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    for (let closer = this.closers.pop(); closer !== undefined; closer = this.closers.pop()) {
      const leftMs = Math.max(1000, endMs - performance.now());
      try {
        await withTimeout(closer.close(leftMs - marginMs), leftMs);
      } catch (error) {
        this.onProblem(closer.name, error);
      }
    }
  }
}

async function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not closed within ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
