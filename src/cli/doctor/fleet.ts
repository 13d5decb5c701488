import { isRunfleetApiError, isRunfleetClientError } from '../../client/index.ts';
import type { RunfleetClient } from '../../client/index.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';

export type FleetClient = Pick<RunfleetClient, 'baseUrl' | 'ready'> & {
  readonly runs: Pick<RunfleetClient['runs'], 'list'>;
};

/** Is the API up, able to work, and open to us? `asked`: the address was given, so something should be there. */
export async function checkFleet(
  client: FleetClient,
  options: { readonly asked: boolean },
): Promise<Finding[]> {
  const check = 'fleet.reachable';
  const where = client.baseUrl;
  try {
    const { ready, checks } = await client.ready();
    const troubles = Object.entries(checks)
      .filter(([, { ok: fine }]) => !fine)
      .map(([name, { detail }]) => (detail === undefined ? name : `${name}: ${detail}`));
    const reached = ready
      ? ok(check, `The API answers at ${where}, and can work`)
      : fail(
          check,
          `The API at ${where} cannot work: ${troubles.join('; ')}`,
          'Put that right, or read its log.',
        );
    return [reached, await checkAccess(client)];
  } catch (error) {
    if (!isRunfleetClientError(error)) throw error;
    const advice =
      'Start it with `npm start` or `runfleet all`, or give its address by --url or RUNFLEET_URL.';
    return [options.asked ? fail(check, error.message, advice) : warn(check, error.message, advice)];
  }
}

async function checkAccess(client: FleetClient): Promise<Finding> {
  const check = 'fleet.access';
  try {
    await client.runs.list({ limit: 1 });
    return ok(check, 'It lets us in');
  } catch (error) {
    if (isRunfleetApiError(error, 401)) {
      const advice = 'Set RUNFLEET_API_KEY to one of the keys in its RUNFLEET_API_KEYS.';
      return fail(check, 'It does not let us in: the API key is missing or unknown', advice);
    }
    if (!isRunfleetClientError(error)) throw error;
    return fail(check, `It does not list runs: ${error.message}`, 'Read its log.');
  }
}
