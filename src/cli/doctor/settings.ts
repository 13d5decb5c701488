/** Settings that can be judged by themselves. */

import {
  type AccountConfig,
  ConfigError,
  loadConfig,
  type ReadFile,
  refuseOpenListener,
  webhookSecretForm,
} from '../../config/index.ts';
import { fail, ok, setting, warn } from './finding.ts';
import type { Env, Finding } from './finding.ts';

/** The schema's own judgement, on all variables at once. Its messages hold no values. */
export function checkConfiguration(env: Env, readFile?: ReadFile): Finding {
  const check = 'configuration';
  try {
    refuseOpenListener(loadConfig(env, readFile));
    return ok(check, 'The environment is valid');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.message.split('\n').map((line) => line.trim());
    const wrong = lines.filter((line) => /^[A-Z_]+: /.test(line));
    const message = wrong.length === 0 ? (lines[0] ?? '') : `The environment is wrong: ${wrong.join('; ')}`;
    return fail(
      check,
      message,
      'Correct it: processes refuse to start like this. See docs/configuration.md.',
    );
  }
}

/** Null where the configuration is wrong, which its own check tells. */
export function accountsOf(env: Env, readFile: ReadFile): readonly AccountConfig[] | null {
  try {
    return loadConfig(env, readFile).accounts;
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

export function checkWebhookSecret(env: Env): Finding {
  const check = 'openai.webhook_secret';
  const secrets = setting(env, 'OPENAI_WEBHOOK_SECRET')?.split(',');
  if (secrets === undefined) {
    return warn(
      check,
      'OPENAI_WEBHOOK_SECRET is not set: ends are found by looking alone, which costs more calls',
      'Make a webhook to POST /v1/webhooks/openai in the settings of your OpenAI project, and set its secret.',
    );
  }
  const malformed = secrets.filter((secret) => !webhookSecretForm.test(secret.trim())).length;
  if (malformed > 0) {
    const which = secrets.length === 1 ? 'It' : `${malformed} of the ${secrets.length}`;
    const advice = `${which} should read whsec_ and then base64; several are separated by commas.`;
    return fail(check, 'OPENAI_WEBHOOK_SECRET does not have the form of a webhook secret', advice);
  }
  const rotating = secrets.length > 1 ? `; ${secrets.length} are accepted` : '';
  return ok(check, `OPENAI_WEBHOOK_SECRET has the right form${rotating}`);
}

export function checkApiKeys(env: Env): Finding {
  const check = 'runfleet.api_keys';
  const keys = setting(env, 'RUNFLEET_API_KEYS');
  if (keys !== undefined) {
    // Their form is judged with the rest of the configuration.
    return ok(check, `RUNFLEET_API_KEYS names ${keys.split(',').length} of those who may use the API`);
  }
  return ok(check, 'RUNFLEET_API_KEYS is not set: the API serves this machine only');
}
