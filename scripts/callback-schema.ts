/** The JSON schema of what a callback POSTs, for receivers in any language. */

import * as z from 'zod';
import { callbackPayload } from '../src/domain/wire/callback.ts';

export function callbackSchema(): Record<string, unknown> {
  // Receivers live longer than our versions: fields that are new must not break them.
  const { $schema, ...rest } = z.toJSONSchema(callbackPayload, {
    io: 'input',
    target: 'draft-2020-12',
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties;
    },
  });
  return {
    $schema,
    title: 'Body of a callback',
    description:
      'What runfleet POSTs to `callback.url` of a run when it has ended, or waits for its caller. Signed after ' +
      'Standard Webhooks; see docs/callbacks.md. Newer versions may add fields and types: pass over what you do not know.',
    ...rest,
  };
}
