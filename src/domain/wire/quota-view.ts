/** The quotas of the accounts, as `GET /v1/quota` shows it. */

import * as z from 'zod';
import { callClasses } from '../limiter/classes.ts';

const unit = z.strictObject({
  limit: z.int().nullable().describe('In force now, a minute; null: no limit, or none known yet.'),
  used: z.number().describe('In the last minute; tokens only where a limit is kept.'),
  used_ratio: z.number(),
  source: z
    .enum(['none', 'configured', 'headers', 'throttled', 'shared', 'guess'])
    .describe(
      'Where the limit comes from; `throttled`: held down by 429s; `shared`: by others on the same key; `guess`: where calls begin while nothing is known.',
    ),
});

const callClass = z.strictObject({
  limit: z.int().nullable().describe('A quota of its own, a minute; null: it shares the one above.'),
  used: z.number().describe('Calls in the last minute.'),
  booked: z.int().describe('Calls that have their slot, and wait for its time.'),
  queued: z.int().describe('Calls that wait for a slot; an estimate.'),
});

const accountQuotaShape = {
  account: z.string().describe('A hash of the base URL and the credential.'),
  window_seconds: z.number(),
  requests: unit,
  tokens: unit,
  classes: z.record(z.enum(callClasses), callClass),
  waiting_for: z
    .enum(['pause', 'tokens', 'settling', 'quota'])
    .nullable()
    .describe('Why calls wait now; `settling`: after a restart of Redis, or under a lower limit.'),
  paused_until: z.iso.datetime().nullable().describe('A 429 told everybody to wait until then.'),
};

const accountQuota = z.strictObject(accountQuotaShape);
export type AccountQuota = z.output<typeof accountQuota>;

export const quotaView = z.strictObject({
  object: z.literal('runfleet.quota'),
  ...accountQuotaShape,
  accounts: z
    .array(z.strictObject({ name: z.string(), ...accountQuotaShape }))
    .describe('All of them, the default account first: it is the one shown above.'),
});
export type QuotaView = z.output<typeof quotaView>;
