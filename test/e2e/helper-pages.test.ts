/** What processes that make no calls to the provider show of themselves. */

import { expect, it } from 'vitest';
import { freePort } from '../../src/runtime/free-port.ts';
import { RunfleetProcess } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

it.concurrent.for([
  ['tools', { RUNFLEET_TOOLS_MODULE: './examples/tools.ts' }],
  ['callbacks', { RUNFLEET_CALLBACK_SECRET: `whsec_${'c2VjcmV0'.repeat(4)}` }],
] as const)('a %s process tells of its health and numbers', async ([role, env], test) => {
  const { metricsUrl } = await RunfleetProcess.start(test, [role], {
    REDIS_URL: redis.url,
    RUNFLEET_PREFIX: redis.prefix(),
    RUNFLEET_METRICS_PORT: String(await freePort()),
    ...env,
  });
  const page = async (path: string): Promise<{ readonly status: number; readonly text: string }> => {
    const response = await fetch(metricsUrl + path);
    return { status: response.status, text: await response.text() };
  };
  expect(await page('/healthz')).toMatchObject({ status: 200 });
  expect(await page('/readyz')).toMatchObject({ status: 200, text: expect.stringContaining('redis') });
  expect(await page('/metrics')).toMatchObject({
    status: 200,
    text: expect.stringContaining('process_cpu_seconds_total'),
  });
  expect(await page('/elsewhere')).toMatchObject({ status: 404 });
});
