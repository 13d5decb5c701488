import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { RunfleetBulkError, RunfleetClient } from '../../../src/client/index.ts';
import type { RunInput } from '../../../src/client/index.ts';
import { aProblem, aRun, FakeTiming, Stub } from './stub.ts';
import type { Received, Reply } from './stub.ts';

function inputs(count: number, text = 'Why?'): RunInput[] {
  return Array.from({ length: count }, (_, index) => ({ request: { model: 'gpt-5', input: text, index } }));
}

const sentShape = z.object({ runs: z.array(z.object({ request: z.object({ index: z.number() }) })) });
const runsIn = (request: Received) => sentShape.parse(JSON.parse(request.text)).runs;

/** Accepts all but every third. */
const accept = (request: Received): Reply => ({
  json: {
    runs: runsIn(request).map(({ request: { index } }) =>
      index % 3 === 2
        ? { error: { type: '/docs#problem', title: 'Not valid.', status: 400 } }
        : { run: aRun({ id: `run_${index}` }) },
    ),
  },
});

const limited = (request: Received): Reply =>
  runsIn(request).some(({ request: { index } }) => index === 1) && request.text.length > 60
    ? aProblem(413)
    : accept(request);

function clientOf(stub: Stub): RunfleetClient {
  return new RunfleetClient({ baseUrl: stub.url, timing: new FakeTiming() });
}

describe('createMany', () => {
  it('sends a thousand a request, and gives each result in its place', async () => {
    await using stub = await Stub.start(accept, accept, accept);
    const results = await clientOf(stub).runs.createMany(inputs(2500));
    expect(stub.requests.map((request) => runsIn(request).length)).toEqual([1000, 1000, 500]);
    expect(results).toHaveLength(2500);
    expect(results[1999]).toMatchObject({ run: { id: 'run_1999' } });
    expect(results[2000]).toMatchObject({ error: { name: 'RunfleetBadRequestError', status: 400 } });
    // The server refuses it here: it would promise what it cannot keep.
    expect(stub.requests[0]?.headers['idempotency-key']).toBeUndefined();
  });

  it('sends nothing for nothing', async () => {
    await using stub = await Stub.start();
    await expect(clientOf(stub).runs.createMany([])).resolves.toEqual([]);
    expect(stub.requests).toEqual([]);
  });

  it('cuts by size too', async () => {
    await using stub = await Stub.start(accept, accept);
    await clientOf(stub).runs.createMany(inputs(3, 'x'.repeat(2_000_000)));
    expect(stub.requests.map((request) => runsIn(request).length)).toEqual([2, 1]);
  });

  it('halves what the server finds too large, down to the one that is', async () => {
    await using stub = await Stub.start(limited, limited, limited, limited, limited);
    const results = await clientOf(stub).runs.createMany(inputs(2));
    expect(results).toMatchObject([{ run: { id: 'run_0' } }, { error: { status: 413 } }]);
  });

  it('repeats what was surely not accepted', async () => {
    await using stub = await Stub.start(aProblem(503), aProblem(429), accept);
    await expect(clientOf(stub).runs.createMany(inputs(1))).resolves.toHaveLength(1);
    expect(stub.requests).toHaveLength(3);
  });

  it.each([
    { name: 'a lost reply', reply: 'reset' as const, mayHaveArrived: true },
    { name: 'a gateway’s 502', reply: { status: 502, text: '' }, mayHaveArrived: true },
    { name: 'an answer for fewer runs', reply: { json: { runs: [] } }, mayHaveArrived: true },
    {
      name: 'a 503 that leaves open what was accepted',
      reply: aProblem(503, { type: '/docs#problem-acceptance-unknown' }),
      mayHaveArrived: true,
    },
    { name: 'a refused key', reply: aProblem(401), mayHaveArrived: false },
  ])('never repeats after $name, and keeps what was answered', async ({ reply, mayHaveArrived }) => {
    await using stub = await Stub.start(accept, reply);
    const error = await clientOf(stub)
      .runs.createMany(inputs(1200))
      .catch((caught: unknown) => caught);
    if (!(error instanceof RunfleetBulkError)) throw error;
    expect(error).toMatchObject({ mayHaveArrived, inDoubt: 200 });
    expect(error.results).toHaveLength(1000);
    expect(stub.requests).toHaveLength(2);
  });
});
