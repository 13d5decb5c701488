/** Many runs in few requests: cut by number and by size, and each answer given back in its place. */

import { apiError, isRunfleetClientError, RunfleetApiError, RunfleetBulkError } from './errors.ts';
import type { CreateManyResult } from './errors.ts';
import { asProblem, isObject, isRun } from './parse.ts';
import type { Answer, Transport } from './transport.ts';
import type { RunInput } from './types.ts';

/** The server's own limit. */
const maxRunsPerRequest = 1000;
/** Prompts can be long: a request stays well below what servers and proxies take. */
const maxBytesPerRequest = 4 * 1024 * 1024;

export async function createMany(
  transport: Transport,
  inputs: readonly RunInput[],
  signal: AbortSignal | undefined,
): Promise<CreateManyResult[]> {
  const results: CreateManyResult[] = [];
  for (const chunk of chunksOf(inputs.map((input) => JSON.stringify(input)))) {
    try {
      results.push(...(await send(transport, chunk, signal)));
    } catch (error) {
      if (!isRunfleetClientError(error)) throw error;
      throw new RunfleetBulkError(results, chunk.length, error);
    }
  }
  return results;
}

async function send(
  transport: Transport,
  chunk: readonly string[],
  signal: AbortSignal | undefined,
): Promise<CreateManyResult[]> {
  let answer: Answer;
  try {
    answer = await transport.request({
      method: 'POST',
      path: '/v1/runs/bulk',
      body: `{"runs":[${chunk.join(',')}]}`,
      // There is no idempotency key for many: sent twice, they would be run twice.
      repeatable: false,
      signal,
    });
  } catch (error) {
    if (!(error instanceof RunfleetApiError) || error.status !== 413) throw error;
    // Too large for this server or its proxy: nothing of it was read.
    if (chunk.length === 1) return [{ error }];
    const middle = Math.ceil(chunk.length / 2);
    return [
      ...(await send(transport, chunk.slice(0, middle), signal)),
      ...(await send(transport, chunk.slice(middle), signal)),
    ];
  }
  const { body } = answer;
  if (!isObject(body) || !Array.isArray(body['runs']) || body['runs'].length !== chunk.length) {
    throw transport.unexpected();
  }
  return body['runs'].map((item) => resultOf(item, transport));
}

function resultOf(item: unknown, transport: Transport): CreateManyResult {
  if (isObject(item) && isRun(item['run'])) return { run: item['run'] };
  const error = isObject(item) ? item['error'] : null;
  const status = isObject(error) && typeof error['status'] === 'number' ? error['status'] : 400;
  const problem = asProblem(error, status);
  if (problem === null) throw transport.unexpected();
  return { error: apiError({ status, problem }) };
}

function* chunksOf(bodies: readonly string[]): Generator<string[]> {
  let chunk: string[] = [];
  let bytes = 0;
  for (const body of bodies) {
    // Characters, not bytes: close enough for a limit that is well below the real one.
    if (
      chunk.length === maxRunsPerRequest ||
      (chunk.length > 0 && bytes + body.length > maxBytesPerRequest)
    ) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(body);
    bytes += body.length;
  }
  if (chunk.length > 0) yield chunk;
}
