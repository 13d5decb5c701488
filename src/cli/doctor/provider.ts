/** Can runs be sent to the provider at all? */

import { networkCode } from '../../client/retry.ts';
import { withoutUserInfo } from '../redact.ts';
import { fail, ok, setting, warn } from './finding.ts';
import type { Env, Finding } from './finding.ts';

const openAiBaseUrl = 'https://api.openai.com/v1';
const patienceMs = 10_000;

export async function checkProvider(env: Env, fetch: typeof globalThis.fetch): Promise<Finding[]> {
  const key = setting(env, 'OPENAI_API_KEY');
  const givenUrl = setting(env, 'OPENAI_BASE_URL');
  if (key === undefined && givenUrl === undefined) {
    const advice =
      'Set it: `runfleet api` and `runs` refuse to start without; `npm start` uses the simulator then.';
    return [fail('openai.key', 'OPENAI_API_KEY is not set', advice)];
  }
  const form = checkKeyForm(key, givenUrl);
  if (form.verdict === 'fail') return [form];
  return [form, await checkAccepted(key ?? 'none', givenUrl ?? openAiBaseUrl, fetch)];
}

export function checkKeyForm(key: string | undefined, baseUrl: string | undefined): Finding {
  const check = 'openai.key';
  if (key === undefined) return ok(check, 'No OPENAI_API_KEY, which OPENAI_BASE_URL may well do without');
  const copy = 'Copy it again from https://platform.openai.com/api-keys, without quotes.';
  if (!/^[\x21-\x7e]+$/.test(key) || /^["']|["']$/.test(key)) {
    return fail(check, 'OPENAI_API_KEY holds quotes, blanks or characters that no key has', copy);
  }
  const atOpenAi = baseUrl === undefined || /^https:\/\/([\w-]+\.)?api\.openai\.com(\/|$)/.test(baseUrl);
  if (atOpenAi && !/^sk-[\w-]{16,}$/.test(key)) {
    return warn(check, 'OPENAI_API_KEY does not look like a key of OpenAI (sk-…)', copy);
  }
  return ok(check, 'OPENAI_API_KEY is set');
}

/** One cheap call, made once. Bodies are not shown: OpenAI quotes part of the key in them. */
async function checkAccepted(key: string, baseUrl: string, fetch: typeof globalThis.fetch): Promise<Finding> {
  const check = 'openai.accepted';
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
    const advice = 'Check OPENAI_BASE_URL, the network, a proxy or a firewall. The key was not looked at.';
    return fail(check, `${where} cannot be reached (${why})`, advice);
  }
  return verdictOn(response.status, where);
}

export function verdictOn(status: number, where: string): Finding {
  const check = 'openai.accepted';
  if (status >= 200 && status < 300) return ok(check, `${where} accepts the key`);
  if (status === 401) {
    return fail(check, `${where} refuses the key (401)`, 'Set OPENAI_API_KEY to one that is valid there.');
  }
  if (status === 403) {
    const advice = 'Fine if it is restricted to what runs need: Responses (write), or Assistants.';
    return warn(check, `${where} knows the key, but it may not list models (403)`, advice);
  }
  if (status === 404) {
    const advice = 'Many compatible servers do not list models. Otherwise: does OPENAI_BASE_URL end in /v1?';
    return warn(check, `${where} answers, but has no /models (404), so the key was not tried`, advice);
  }
  if (status === 429) {
    const advice = 'Look at limits and credit: https://platform.openai.com/settings/organization/limits.';
    return warn(check, `${where} says too many calls, or no credit left (429)`, advice);
  }
  if (status >= 500) {
    return warn(check, `${where} has trouble (${status})`, 'Try again later; runs would be retried.');
  }
  return fail(check, `${where} answers ${status}`, 'Check OPENAI_BASE_URL: it should end in /v1.');
}
