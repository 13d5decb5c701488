/** Values as the environment spells them: it knows nothing but text. */

import * as z from 'zod';
import { accountName, accountNameRule } from '../domain/wire/run-input.ts';

export const number = (schema: z.ZodNumber): z.ZodType<number> =>
  z
    .string()
    .trim()
    .regex(/^-?\d+(\.\d+)?$/, 'must be a number')
    .transform(Number)
    .pipe(schema);

export const quota = number(z.number().int().min(0).max(1_000_000_000)).optional();

/** One secret of a sender of Standard Webhooks. */
export const webhookSecretForm = /^whsec_(?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** `whsec_…,whsec_…` */
export const webhookSecrets = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim()))
  .pipe(z.array(z.string().regex(webhookSecretForm, 'must be whsec_ and then base64; several with commas')))
  .default([]);

const list = (separator: string) => (text: string) =>
  text
    .split(separator)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

/** Read in full by who calls; here, that nothing else was meant. */
export const allowList = z
  .string()
  .default('')
  .transform(list(','))
  .pipe(
    z.array(
      z.string().regex(/^[\w*.:[\]/-]+$/, 'must be a host, an address or a range; several with commas'),
    ),
  );

export const baseUrl = z.url({ protocol: /^https?$/ }).optional();

/** No blank and no control character: what a header can carry. */
export const credential = z.string().regex(/^[\x21-\x7e]+$/, 'holds blanks or characters that no key has');

const name = z.string().regex(accountName, accountNameRule);

/** `eu,batch` */
export const names = z
  .string()
  .default('')
  .transform(list(','))
  .pipe(z.array(name))
  .refine((given) => new Set(given).size === given.length, 'names an account twice')
  .refine((given) => !given.includes('default'), '`default` is the account of OPENAI_API_KEY');

/** `cheap=eu+batch,any=default+eu` */
export const pools = z
  .string()
  .default('')
  .transform(list(','))
  .pipe(
    z.array(
      z
        .string()
        .regex(/^[^=]+=[^=]+$/, 'must be name=account+account')
        .transform((entry) => {
          const [poolName = '', members = ''] = entry.split('=');
          return { name: poolName.trim(), members: list('+')(members) };
        })
        .pipe(z.object({ name, members: z.array(name).min(1) }))
        .refine(({ members }) => new Set(members).size === members.length, 'has an account twice'),
    ),
  )
  .refine((given) => new Set(given.map((pool) => pool.name)).size === given.length, 'names a pool twice');
