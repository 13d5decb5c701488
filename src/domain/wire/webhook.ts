/** What the provider sends to our webhook, and what it gets. For the documentation: what comes in is read leniently. */

import * as z from 'zod';

export const webhookEvent = z
  .looseObject({
    type: z.string().describe('Such as `response.completed` or `thread.run.failed`.'),
    data: z.looseObject({ id: z.string().describe('The run at the provider.') }),
  })
  .describe('An event of the provider.');

export const webhookTaken = z.strictObject({ received: z.literal(true) });
