/** Can runs be sent to the providers at all? */

import { type AccountConfig, defaultAccountName, prefixOf } from '../../config/index.ts';
import { networkCode } from '../../client/retry.ts';
import { withoutUserInfo } from '../redact.ts';
import { fail, ok, setting, warn } from './finding.ts';
import type { Env, Finding } from './finding.ts';

const openAiBaseUrl = 'https://api.openai.com/v1';
const patienceMs = 10_000;

/** What an account's findings and variables are called. */
interface Names {
  readonly check: string;
  readonly key: string;
  readonly baseUrl: string;
}

const plainNames: Names = { check: 'openai', key: 'OPENAI_API_KEY', baseUrl: 'OPENAI_BASE_URL' };

/** `accounts`: null where the configuration cannot be read; then the plain account is looked at by its variables. */
export async function checkProviders(
  env: Env,
  accounts: readonly AccountConfig[] | null,
  fetch: typeof globalThis.fetch,
): Promise<Finding[]> {
  if (accounts !== null && accounts.length > 0) {
    const findings = accounts.map((account) =>
      checkOne(account.apiKey, account.baseUrl ?? undefined, fetch, namesOf(account)),
    );
    return (await Promise.all(findings)).flat();
  }
  const key = setting(env, 'OPENAI_API_KEY');
  const baseUrl = setting(env, 'OPENAI_BASE_URL');
  if (key === undefined && baseUrl === undefined) {
    const advice =
      'Set it: `runfleet api` and `runs` refuse to start without; `npm start` uses the simulator then.';
    return [fail('openai.key', 'OPENAI_API_KEY is not set', advice)];
  }
  return await checkOne(key, baseUrl, fetch, plainNames);
}

function namesOf({ name }: AccountConfig): Names {
  if (name === defaultAccountName) return plainNames;
  const prefix = prefixOf(name);
  return { check: `account.${name}`, key: `${prefix}API_KEY`, baseUrl: `${prefix}BASE_URL` };
}

async function checkOne(
  key: string | undefined,
  baseUrl: string | undefined,
  fetch: typeof globalThis.fetch,
  names: Names,
): Promise<Finding[]> {
  const form = checkKeyForm(key === 'none' ? undefined : key, baseUrl, names);
  if (form.verdict === 'fail') return [form];
  return [form, await checkAccepted(key ?? 'none', baseUrl ?? openAiBaseUrl, fetch, names)];
}

export function checkKeyForm(
  key: string | undefined,
  baseUrl: string | undefined,
  names: Names = plainNames,
): Finding {
  const check = `${names.check}.key`;
  if (key === undefined) return ok(check, `No ${names.key}, which ${names.baseUrl} may well do without`);
  const copy = 'Copy it again from https://platform.openai.com/api-keys, without quotes.';
  if (!/^[\x21-\x7e]+$/.test(key) || /^["']|["']$/.test(key)) {
    return fail(check, `${names.key} holds quotes, blanks or characters that no key has`, copy);
  }
  const atOpenAi = baseUrl === undefined || /^https:\/\/([\w-]+\.)?api\.openai\.com(\/|$)/.test(baseUrl);
  if (atOpenAi && !/^sk-[\w-]{16,}$/.test(key)) {
    return warn(check, `${names.key} does not look like a key of OpenAI (sk-…)`, copy);
  }
  return ok(check, `${names.key} is set`);
}

/** One cheap call, made once. Bodies are not shown: OpenAI quotes part of the key in them. */
async function checkAccepted(
  key: string,
  baseUrl: string,
  fetch: typeof globalThis.fetch,
  names: Names,
): Promise<Finding> {
  const check = `${names.check}.accepted`;
  const where = withoutUserInfo(baseUrl);
  let response: Response;
  try {
    response = await fetch(`${baseUrl.replace(/\/+$/, '')}/models`, {
      headers: { authorization: `Bearer ${key}`, accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(patienceMs),
    });
    await response.body?.cancel();
  } catch (error) {
    const why = networkCode(error) ?? (error instanceof Error ? error.name : 'unknown');
    const advice = `Check ${names.baseUrl}, the network, a proxy or a firewall. The key was not looked at.`;
    return fail(check, `${where} cannot be reached (${why})`, advice);
  }
  return verdictOn(response.status, where, names);
}

export function verdictOn(status: number, where: string, names: Names = plainNames): Finding {
  const check = `${names.check}.accepted`;
  if (status >= 200 && status < 300) return ok(check, `${where} accepts the key`);
  if (status === 401) {
    return fail(check, `${where} refuses the key (401)`, `Set ${names.key} to one that is valid there.`);
  }
  if (status === 403) {
    const advice = 'Fine if it is restricted to what runs need: Responses (write), or Assistants.';
    return warn(check, `${where} knows the key, but it may not list models (403)`, advice);
  }
  if (status === 404) {
    const advice = `Many compatible servers do not list models. Otherwise: does ${names.baseUrl} end in /v1?`;
    return warn(check, `${where} answers, but has no /models (404), so the key was not tried`, advice);
  }
  if (status === 429) {
    const advice = 'Look at limits and credit: https://platform.openai.com/settings/organization/limits.';
    return warn(check, `${where} says too many calls, or no credit left (429)`, advice);
  }
  if (status >= 500) {
    return warn(check, `${where} has trouble (${status})`, 'Try again later; runs would be retried.');
  }
  return fail(check, `${where} answers ${status}`, `Check ${names.baseUrl}: it should end in /v1.`);
}
