import { RunfleetError, StoreUnavailableError } from '../../domain/errors.ts';

/** Runs something on Redis; whatever Redis or its connection throws comes out as `StoreUnavailableError`. */
export async function onRedis<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof RunfleetError || isDefect(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailableError(`Redis did not carry out a command: ${reason}`, { cause: error });
  }
}

/** A mistake in our own code, which waiting for Redis would only hide. */
function isDefect(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
}
