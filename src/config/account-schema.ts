import * as z from 'zod';
import { baseUrl, credential, quota, webhookSecrets } from './values.ts';

/** Before the name of an account (in capitals, `-` as `_`) and one of the variables below. */
export const accountPrefix = 'RUNFLEET_ACCOUNT_';

const own = (variable: string) => quota.describe(`Instead of ${variable}, for this account.`);

/** What sets an account: `RUNFLEET_ACCOUNT_EU_WEST_API_KEY` is the key of `eu-west`. */
export const accountVariables = {
  API_KEY: credential.optional().describe('Its credential. May be left out where there is a base URL.'),
  API_KEY_FILE: z.string().min(1).optional().describe('A file that holds it, such as a mounted secret.'),
  BASE_URL: baseUrl.describe('Its server. Unset: OpenAI’s own.'),
  WEBHOOK_SECRET: webhookSecrets.describe('As OPENAI_WEBHOOK_SECRET, of its webhook.'),
  RPM: own('RUNFLEET_RPM'),
  TPM: own('RUNFLEET_TPM'),
  RPM_CREATE: own('RUNFLEET_RPM_CREATE'),
  RPM_LOOK: own('RUNFLEET_RPM_LOOK'),
  RPM_SUBMIT: own('RUNFLEET_RPM_SUBMIT'),
  RPM_CANCEL: own('RUNFLEET_RPM_CANCEL'),
  RPM_OTHER: own('RUNFLEET_RPM_OTHER'),
  LOOKS_ARE_FREE: z
    .enum(['true', 'false'])
    .optional()
    .describe('Instead of RUNFLEET_LOOKS_ARE_FREE, for this account.'),
} as const;

export const accountSchema = z.object(accountVariables);
