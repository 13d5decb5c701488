import type { JobData } from '../../domain/wire/job-data.ts';
import type { ProviderRequest } from '../../ports/run-provider.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import type { RunKeys } from './keys.ts';

/**
 * Up to this many characters the request stays in the job. BullMQ reads a job's whole data at every activation, so a
 * larger one would travel with each look.
 */
const inlineLimit = 4096;

/** The job's data, its request put aside first if it is large. */
export async function storeRequest(
  client: RedisClient,
  keys: RunKeys,
  id: string,
  data: JobData,
): Promise<JobData> {
  const text = JSON.stringify(data.request ?? {});
  if (text.length <= inlineLimit) return data;
  await client.set(keys.request(id), text, 'NX');
  const { request: _request, ...rest } = data;
  return { ...rest, request_stored: true };
}

export async function loadRequest(
  client: RedisClient,
  keys: RunKeys,
  id: string,
  data: JobData,
): Promise<ProviderRequest | null> {
  if (data.request !== undefined) return data.request;
  const text = await client.get(keys.request(id));
  return text === null ? null : JSON.parse(text);
}
