/** A last net under messages: no secret that we know of, and no password in an address, is printed. */

/** Some hold several, comma-separated; in `RUNFLEET_API_KEYS` each has a name before it, which is no secret. */
const secretVariables = [
  'OPENAI_API_KEY',
  'OPENAI_WEBHOOK_SECRET',
  'RUNFLEET_API_KEY',
  'RUNFLEET_API_KEYS',
  'RUNFLEET_CALLBACK_SECRET',
] as const;

/** Of accounts by name. */
const secretOfAccount = /^RUNFLEET_ACCOUNT_\w+_(?:API_KEY|WEBHOOK_SECRET)$/;

/** Shorter ones are placeholders, and would blot out ordinary words. */
const shortestSecret = 6;

type Env = Readonly<Record<string, string | undefined>>;

/** Reads the environment at each message, and keeps nothing of it: a process of the fleet holds API keys as digests alone. */
export function redactorFor(env: Env, more: readonly (string | undefined)[] = []): (text: string) => string {
  return (text) =>
    secretsOf(env, more).reduce((safe, secret) => safe.replaceAll(secret, '***'), withoutUserInfo(text));
}

/** The longest first. */
function secretsOf(env: Env, more: readonly (string | undefined)[]): string[] {
  const names = [...secretVariables, ...Object.keys(env).filter((name) => secretOfAccount.test(name))];
  const values = [...names.map((name) => env[name]), passwordOf(env['REDIS_URL']), ...more];
  const secrets = values
    .flatMap((value) => [value ?? ''].concat((value ?? '').split(',')))
    .flatMap((value) => [value.trim(), value.slice(value.indexOf(':') + 1).trim()])
    .filter((value) => value.length >= shortestSecret);
  return [...new Set(secrets)].sort((a, b) => b.length - a.length);
}

/** `redis://user:password@host` → `redis://***@host`, wherever it stands in the text. */
export function withoutUserInfo(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, '$1***@');
}

/** By hand: Sentinel and Cluster addresses are no URLs. */
function passwordOf(address: string | undefined): string {
  const password = /^[a-z+]+:\/\/[^:]*:(.*)@/i.exec(address?.trim() ?? '')?.[1] ?? '';
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}
