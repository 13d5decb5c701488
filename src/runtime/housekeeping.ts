import type { Logger } from 'pino';

/** Runs `work` now and then until stopped; never twice at a time. A failure is logged, and the next turn comes. */
export function startHousekeeping(
  work: () => Promise<void>,
  intervalMs: number,
  logger: Logger,
): { stop(): Promise<void> } {
  let running: Promise<void> | null = null;
  const timer = setInterval(() => {
    running ??= work()
      .catch((error: unknown) => logger.warn({ err: error }, 'housekeeping failed; it is tried again'))
      .finally(() => (running = null));
  }, intervalMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
