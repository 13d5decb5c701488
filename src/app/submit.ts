import type * as z from 'zod';
import { type FieldError, IdempotencyMismatchError, InvalidInputError } from '../domain/errors.ts';
import { type JobData, jobData } from '../domain/wire/job-data.ts';
import { type ParsedRunInput, runInput } from '../domain/wire/run-input.ts';
import { traitsData } from '../domain/wire/spec.ts';
import type { CallbackRules } from '../ports/callback-sender.ts';
import type { Clock, Randomness } from '../ports/clock.ts';
import type { IdempotencyKey, IdempotencyStore } from '../ports/idempotency.ts';
import type { ProviderRequest, RequestRules } from '../ports/run-provider.ts';
import type { RunStore } from '../ports/run-store.ts';
import { accept } from './accept.ts';
import type { Backlog } from './backlog.ts';
import type { RunKind } from '../domain/status.ts';

export interface SubmitDeps {
  readonly store: RunStore;
  readonly idempotency: IdempotencyStore;
  readonly backlog: Backlog;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly defaultDeadlineSeconds: number;
  /** Only the parts that need no credential: the API process makes no calls. */
  readonly kinds: Readonly<Record<RunKind, RequestRules>>;
  readonly callbacks: CallbackRules;
  /** Names of accounts and pools that a run may name. */
  readonly accountNames: readonly string[];
}

export interface SubmitOptions {
  /** The name of the API key that sent it; null without keys. */
  readonly owner: string | null;
  /** The `Idempotency-Key` header and the hash of the body it came with. */
  readonly idempotency?: { readonly key: string; readonly bodyHash: string };
}

export interface Submitted {
  readonly runId: string;
  /** False for an `Idempotency-Key` seen before: `runId` is the first one's, which may have been removed since. */
  readonly created: boolean;
}

/** Accepts a run. Resolves after it is written, throws `InvalidInputError`, `IdempotencyMismatchError`, `BacklogFullError`. */
export async function submit(deps: SubmitDeps, body: unknown, options: SubmitOptions): Promise<Submitted> {
  const data = prepare(deps, body, options.owner);
  const runId = deps.randomness.runId(deps.clock.nowMs());
  if (options.idempotency !== undefined)
    return await submitOnce(deps, runId, data, { ...options.idempotency, owner: options.owner });
  await deps.backlog.admit(1);
  await accept(deps.store.add(runId, data));
  return { runId, created: true };
}

async function submitOnce(
  { store, backlog, idempotency }: SubmitDeps,
  newId: string,
  data: JobData,
  key: IdempotencyKey,
): Promise<Submitted> {
  const reservation = await idempotency.reserve(key, newId);
  if (reservation.type === 'mismatch') throw new IdempotencyMismatchError(reservation.runId);
  const isSeen = reservation.type === 'seen';
  const runId = isSeen ? reservation.runId : newId;
  // Its first process may have died before the write. A run that was written and is missing was removed after its end.
  if (isSeen && (reservation.isWritten || (await store.get(runId)) !== null))
    return { runId, created: false };
  await backlog.admit(1);
  await accept(store.add(runId, data));
  // The run is accepted, whatever becomes of this.
  await idempotency.confirm(key, runId).catch(() => {});
  return { runId, created: !isSeen };
}

export type BulkResult = { readonly runId: string } | { readonly error: InvalidInputError };

/** Accepts what can be accepted; each on its own, in the order sent. One trip to Redis. Throws `BacklogFullError` for all. */
export async function submitMany(
  deps: SubmitDeps,
  bodies: readonly unknown[],
  owner: string | null,
): Promise<BulkResult[]> {
  type Prepared = { readonly id: string; readonly data: JobData } | { readonly error: InvalidInputError };
  const prepared = bodies.map((body): Prepared => {
    try {
      return { id: deps.randomness.runId(deps.clock.nowMs()), data: prepare(deps, body, owner) };
    } catch (error) {
      if (error instanceof InvalidInputError) return { error };
      throw error;
    }
  });
  const accepted = prepared.filter((item) => 'data' in item);
  if (accepted.length > 0) await deps.backlog.admit(accepted.length);
  await accept(deps.store.addMany(accepted));
  return prepared.map((item) => ('error' in item ? { error: item.error } : { runId: item.id }));
}

function prepare(deps: SubmitDeps, body: unknown, owner: string | null): JobData {
  const input: ParsedRunInput = parseInput(runInput, body);
  const kind = deps.kinds[input.kind];
  const problems = [
    ...accountProblems(deps, input.account),
    ...requestProblems(kind, input.request),
    ...callbackProblems(deps, ['callback', 'url'], input.callback?.url),
    ...callbackProblems(deps, ['tools', 'url'], input.tools?.mode === 'http' ? input.tools.url : undefined),
    ...Object.entries(input.tools?.by_name ?? {}).flatMap(([name, { mode, url }]) =>
      callbackProblems(deps, ['tools', 'by_name', name, 'url'], mode === 'http' ? url : undefined),
    ),
  ];
  if (problems.length > 0) throw new InvalidInputError(problems);
  // Parsed again: the lane comes from the provider's request, and may not fit.
  return parseInput(jobData, {
    ...input,
    v: 1,
    lane: input.lane ?? kind.laneOf(input.request),
    deadline_seconds: input.deadline_seconds ?? deps.defaultDeadlineSeconds,
    accepted_at: new Date(deps.clock.nowMs()).toISOString(),
    traits: traitsData(kind.traitsOf(input.request)),
    owner,
  } satisfies JobData);
}

function requestProblems(kind: RequestRules, request: ProviderRequest): FieldError[] {
  return kind.validate(request).map(({ path, message }) => ({ path: ['request', ...path], message }));
}

/** Tools and callbacks are called in the same way. */
function callbackProblems(
  { callbacks }: SubmitDeps,
  path: readonly string[],
  url: string | undefined,
): FieldError[] {
  const message = url === undefined ? null : callbacks.problemOf(url);
  return message === null ? [] : [{ path, message }];
}

function accountProblems({ accountNames }: SubmitDeps, name: string | null): FieldError[] {
  if (name === null || accountNames.includes(name)) return [];
  const message = `There is no such account or pool here, but: ${accountNames.join(', ')}.`;
  return [{ path: ['account'], message }];
}

/** Throws `InvalidInputError`, which names each field. */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new InvalidInputError(parsed.error.issues.flatMap(fieldErrors));
  return parsed.data;
}

/** One error a field: an unknown one is named by its own path, not by that of the object around it. */
function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key], message: 'There is no such field.' }));
}
