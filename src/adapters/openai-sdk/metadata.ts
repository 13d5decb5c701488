import * as z from 'zod';
import type { RequestProblem } from '../../ports/run-provider.ts';

/** OpenAI's limits, less the one pair that carries our id. */
const metadataSchema = z
  .record(z.string().max(64), z.string().max(512))
  .refine(
    (pairs) => Object.keys(pairs).length <= 15,
    'At most 15 pairs: runfleet adds one of the 16 allowed.',
  )
  .refine((pairs) => !('runfleet_id' in pairs), '`runfleet_id` is set by runfleet.')
  .nullish();

/** What is wrong with the request's own `metadata`. */
export function metadataProblems(metadata: unknown): readonly RequestProblem[] {
  const parsed = metadataSchema.safeParse(metadata);
  if (parsed.success) return [];
  return parsed.error.issues.map(({ path, message }) => ({
    path: ['metadata', ...path.map(String)],
    message,
  }));
}
