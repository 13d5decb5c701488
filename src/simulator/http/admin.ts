import { ApiError, notFound } from '../errors.ts';
import { SimulatorOptionsError } from '../options.ts';
import type { SimulatorControls } from '../simulator.ts';
import type { Exchange } from './api.ts';
import { parseBody, readBody, tooLarge } from './body.ts';

/** Serves `/_sim/…`: the simulator's own controls, which need no key. */
export async function serveAdmin(
  { request, response, url, world }: Exchange,
  controls: SimulatorControls,
): Promise<void> {
  let status = 200;
  let answer: object;
  try {
    const raw = await readBody(request, world.options.maxBodyBytes);
    if (raw === null) throw tooLarge(world.options.maxBodyBytes);
    answer = act(`${request.method ?? 'GET'} ${url.pathname}`, url, parseBody(raw), controls);
  } catch (error) {
    if (error instanceof ApiError) {
      status = error.status;
      answer = error.body;
    } else if (error instanceof SimulatorOptionsError) {
      status = 400;
      answer = new ApiError(400, error.message).body;
    } else {
      throw error;
    }
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
}

function act(route: string, url: URL, given: object, controls: SimulatorControls): object {
  switch (route) {
    case 'GET /_sim/ledger':
      return controls.ledger({ runs: url.searchParams.get('runs') === '1' });
    case 'POST /_sim/reset':
      controls.reset();
      return { reset: true };
    case 'GET /_sim/faults':
      return controls.faults();
    case 'PUT /_sim/faults':
      controls.setFaults(given);
      return controls.faults();
    case 'PUT /_sim/options':
      controls.configure(given);
      return { configured: true };
    default:
      throw notFound(`The simulator has no ${route}.`);
  }
}
