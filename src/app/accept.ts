import { AcceptanceUnknownError, StoreUnavailableError } from '../domain/errors.ts';

/**
 * Writes runs that are accepted by it. Where Redis fails in the middle, nobody knows whether they are: throws
 * `AcceptanceUnknownError`, since whoever takes that for a refusal would send them twice.
 */
export async function accept(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    throw error instanceof StoreUnavailableError ? new AcceptanceUnknownError(error) : error;
  }
}
