import { setImmediate } from 'node:timers/promises';

/**
 * Tries `check` until it stops throwing, and returns what it returned. Yields to the event loop between tries
 * instead of sleeping, so it is done the moment that the state is there. `between` lets a fake clock move.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: { readonly withinMs?: number; readonly between?: () => void | Promise<void> } = {},
): Promise<T> {
  const giveUpAtMs = performance.now() + (options.withinMs ?? 10_000);
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= giveUpAtMs) throw error;
    }
    await options.between?.();
    await setImmediate();
  }
}
