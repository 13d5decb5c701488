/** The accounts and pools that an environment describes. */

import type * as z from 'zod';
import type { CallClass } from '../domain/limiter/classes.ts';
import { accountPrefix, accountSchema, accountVariables } from './account-schema.ts';
import type { environmentSchema } from './schema.ts';
import { credential } from './values.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Given = Record<string, string | undefined>;

/** The text of a file; throws where it cannot be read. */
export type ReadFile = (path: string) => string;

/** One credential at one server, with the limits that it has there. */
export interface AccountConfig {
  readonly name: string;
  readonly apiKey: string;
  /** Null: OpenAI's own. */
  readonly baseUrl: string | null;
  readonly quota: QuotaConfig;
  /** `whsec_…`; several while one is rotated, none where webhooks are not used. */
  readonly webhookSecrets: readonly string[];
}

/** A minute's worth. Null: learnt from the provider; 0: no limit. */
export interface QuotaConfig {
  readonly requests: number | null;
  readonly tokens: number | null;
  /** Quotas of their own. */
  readonly classRequests: Partial<Readonly<Record<CallClass, number>>>;
  readonly looksAreFree: boolean;
  readonly jitterMs: number;
}

export interface PoolConfig {
  readonly name: string;
  /** Names of accounts, at least one. */
  readonly members: readonly string[];
}

/** The name of the account that `OPENAI_API_KEY` and `OPENAI_BASE_URL` make. */
export const defaultAccountName = 'default';

/** The message never holds a value: it may be a secret. */
export interface Problem {
  readonly variable: string;
  readonly message: string;
}

export type Environment = z.output<typeof environmentSchema>;

export function problemsOf(error: z.ZodError, prefix = ''): Problem[] {
  return error.issues.map(({ path, message }) => ({
    variable: `${prefix}${path[0]?.toString() ?? ''}`,
    message,
  }));
}

export function quotaOf(data: Environment): QuotaConfig {
  return {
    requests: data.RUNFLEET_RPM ?? null,
    tokens: data.RUNFLEET_TPM ?? null,
    classRequests: withoutUndefined({
      create: data.RUNFLEET_RPM_CREATE,
      look: data.RUNFLEET_RPM_LOOK,
      submit: data.RUNFLEET_RPM_SUBMIT,
      cancel: data.RUNFLEET_RPM_CANCEL,
      other: data.RUNFLEET_RPM_OTHER,
    }),
    looksAreFree: data.RUNFLEET_LOOKS_ARE_FREE === 'true',
    jitterMs: data.RUNFLEET_RATE_JITTER_MS,
  };
}

/** Makes the accounts of one environment, and notes all that is wrong with them. */
export class AccountReader {
  readonly problems: Problem[] = [];
  private readonly env: Env;
  private readonly readFile: ReadFile;

  constructor(env: Env, readFile: ReadFile) {
    this.env = env;
    this.readFile = readFile;
  }

  /** The default one is the first. */
  read(data: Environment): AccountConfig[] {
    const accounts = [
      this.defaultAccount(data),
      ...data.RUNFLEET_ACCOUNTS.map((name) => this.named(name, data)),
    ];
    this.refuseUnread(data.RUNFLEET_ACCOUNTS);
    const found = accounts.filter((account) => account !== null);
    this.refuseTwoQuotas(found);
    return found;
  }

  pools(data: Environment): readonly PoolConfig[] {
    const known = new Set(data.RUNFLEET_ACCOUNTS);
    if (hasDefault(data)) known.add(defaultAccountName);
    const note = (message: string): void => void this.problems.push({ variable: 'RUNFLEET_POOLS', message });
    for (const { name, members } of data.RUNFLEET_POOLS) {
      if (known.has(name) || name === defaultAccountName) note(`${name} is the name of an account`);
      for (const member of members) if (!known.has(member)) note(`there is no account ${member}`);
    }
    return data.RUNFLEET_POOLS;
  }

  private defaultAccount(data: Environment): AccountConfig | null {
    if (!hasDefault(data)) return null;
    return {
      name: defaultAccountName,
      // Many compatible servers ask for no key, but the SDK does.
      apiKey: this.key('OPENAI_API_KEY', data.OPENAI_API_KEY, data.OPENAI_API_KEY_FILE) ?? 'none',
      baseUrl: data.OPENAI_BASE_URL ?? null,
      quota: quotaOf(data),
      webhookSecrets: data.OPENAI_WEBHOOK_SECRET,
    };
  }

  private named(name: string, data: Environment): AccountConfig | null {
    const prefix = prefixOf(name);
    const given: Given = Object.fromEntries(
      Object.keys(accountVariables).map((suffix) => [suffix, this.env[prefix + suffix] || undefined]),
    );
    const parsed = accountSchema.safeParse(given);
    if (!parsed.success) {
      this.problems.push(...problemsOf(parsed.error, prefix));
      return null;
    }
    const own = parsed.data;
    const variable = `${prefix}API_KEY`;
    const apiKey = this.key(variable, own.API_KEY, own.API_KEY_FILE);
    if (apiKey === undefined && own.BASE_URL === undefined)
      this.problems.push({ variable, message: `missing: RUNFLEET_ACCOUNTS names ${name}` });
    const fleet = quotaOf(data);
    const { RPM, TPM, LOOKS_ARE_FREE } = own;
    const classes = withoutUndefined({
      create: own.RPM_CREATE,
      look: own.RPM_LOOK,
      submit: own.RPM_SUBMIT,
      cancel: own.RPM_CANCEL,
      other: own.RPM_OTHER,
    });
    return {
      name,
      apiKey: apiKey ?? 'none',
      baseUrl: own.BASE_URL ?? null,
      quota: {
        ...fleet,
        requests: RPM ?? fleet.requests,
        tokens: TPM ?? fleet.tokens,
        classRequests: { ...fleet.classRequests, ...classes },
        looksAreFree: LOOKS_ARE_FREE === undefined ? fleet.looksAreFree : LOOKS_ARE_FREE === 'true',
      },
      webhookSecrets: own.WEBHOOK_SECRET,
    };
  }

  private key(variable: string, value: string | undefined, file: string | undefined): string | undefined {
    if (file === undefined) return value;
    const note = (message: string): undefined =>
      void this.problems.push({ variable: `${variable}_FILE`, message });
    if (value !== undefined) return note(`set this or ${variable}, not both`);
    let text: string;
    try {
      text = this.readFile(file).trim();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      return note(`the file cannot be read${code}`);
    }
    if (text === '') return note('the file is empty');
    return credential.safeParse(text).success ? text : note('the file holds more than a key');
  }

  /** A misspelt limit would be no limit. */
  private refuseUnread(names: readonly string[]): void {
    const known = new Set(
      names.flatMap((name) => Object.keys(accountVariables).map((suffix) => prefixOf(name) + suffix)),
    );
    for (const [variable, value] of Object.entries(this.env)) {
      if (!variable.startsWith(accountPrefix) || known.has(variable) || (value ?? '') === '') continue;
      this.problems.push({
        variable,
        message: 'sets nothing: RUNFLEET_ACCOUNTS names no such account, or it is misspelt',
      });
    }
  }

  /** Two names of one key share its quota, so they cannot differ about it. */
  private refuseTwoQuotas(accounts: readonly AccountConfig[]): void {
    accounts.forEach((account, at) => {
      const twin = accounts.slice(0, at).find((other) => isSame(account, other));
      if (twin === undefined || JSON.stringify(twin.quota) === JSON.stringify(account.quota)) return;
      const message = `${account.name} and ${twin.name} are one key at one server, but have different quotas`;
      this.problems.push({ variable: 'RUNFLEET_ACCOUNTS', message });
    });
  }
}

function hasDefault(data: Environment): boolean {
  const { OPENAI_API_KEY, OPENAI_API_KEY_FILE, OPENAI_BASE_URL } = data;
  return [OPENAI_API_KEY, OPENAI_API_KEY_FILE, OPENAI_BASE_URL].some((value) => value !== undefined);
}

/** What comes before the name of each of its variables. */
export function prefixOf(name: string): string {
  return `${accountPrefix}${name.toUpperCase().replaceAll('-', '_')}_`;
}

function isSame(a: AccountConfig, b: AccountConfig): boolean {
  return a.apiKey === b.apiKey && a.baseUrl === b.baseUrl;
}

function withoutUndefined(
  given: Readonly<Record<CallClass, number | undefined>>,
): Partial<Record<CallClass, number>> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
