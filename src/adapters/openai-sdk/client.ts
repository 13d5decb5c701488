import OpenAI from 'openai';
import { boundedFetch } from './bounded-fetch.ts';
import { heldFetch } from './held-fetch.ts';

export interface OpenAiOptions {
  /** A bearer token. It lives in this client alone. */
  readonly apiKey: string;
  /** Default: OpenAI's own, `https://api.openai.com/v1`. */
  readonly baseUrl?: string;
  /** From the first byte sent to the last byte read; default 20,000. */
  readonly timeoutMs?: number;
  /** A create may be slow, and giving it up costs a quarantine; default 45,000. Keep it below the quarantine. */
  readonly createTimeoutMs?: number;
  /** Answers above this are refused before they are in memory; default 32 MiB. */
  readonly maxAnswerBytes?: number;
  /** The same for all answers together that are being read; default 96 MiB. */
  readonly maxHeldBytes?: number;
  /** Told of every answer, good or bad; null where there was none. The limiter learns from it. */
  readonly onAnswer?: (status: number | null, headers: Headers | null) => void;
}

export interface OpenAiClient {
  readonly sdk: OpenAI;
  /** For answers that are held open: those that are good are a `HeldAnswer`. */
  readonly heldSdk: OpenAI;
  /** Of an answer; of one event of an answer that is held open. */
  readonly maxAnswerBytes: number;
  readonly createTimeoutMs: number;
  /** Takes our credential out of a text: some servers repeat it in their errors. */
  readonly redact: (text: string) => string;
  readonly onAnswer: (status: number | null, headers: Headers | null) => void;
}

const defaultTimeoutMs = 20_000;
const defaultCreateTimeoutMs = 45_000;
const defaultMaxAnswerBytes = 32 * 1024 * 1024;
const defaultMaxHeldBytes = 96 * 1024 * 1024;

export function createOpenAiClient(options: OpenAiOptions): OpenAiClient {
  const createTimeoutMs = options.createTimeoutMs ?? defaultCreateTimeoutMs;
  const maxAnswerBytes = options.maxAnswerBytes ?? defaultMaxAnswerBytes;
  const sdk = new OpenAI({
    apiKey: options.apiKey,
    // Null, not undefined: the SDK would read the environment otherwise.
    baseURL: options.baseUrl ?? null,
    timeout: options.timeoutMs ?? defaultTimeoutMs,
    // Every call is ours to count, permit and repeat; the SDK repeats creates without an idempotency key.
    maxRetries: 0,
    // At `debug` it would log prompts.
    logLevel: 'off',
    fetch: boundedFetch({
      maxBytes: maxAnswerBytes,
      maxHeldBytes: options.maxHeldBytes ?? defaultMaxHeldBytes,
    }),
  });
  // A short one is a stand-in for servers that ask for none, and would match anything.
  const secret = options.apiKey.length >= 8 ? options.apiKey : null;
  const redact = (text: string): string => (secret === null ? text : text.replaceAll(secret, '[api key]'));
  const heldSdk = sdk.withOptions({ fetch: heldFetch(maxAnswerBytes) });
  const onAnswer = options.onAnswer ?? (() => {});
  return { sdk, heldSdk, maxAnswerBytes, createTimeoutMs, redact, onAnswer };
}
