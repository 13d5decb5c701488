import { describe, expect, it } from 'vitest';
import { RunfleetClient } from '../../../src/client/index.ts';
import { aProblem, aRun, ended, FakeTiming, Stub } from './stub.ts';
import type { Reply } from './stub.ts';

function clientOf(stub: Stub): RunfleetClient {
  return new RunfleetClient({ baseUrl: stub.url, timing: new FakeTiming(), maxRetries: 1 });
}

/** A long poll that takes so long. */
function after(timing: FakeTiming, ms: number, reply: Reply): Reply {
  return () => {
    timing.pass(ms);
    return reply;
  };
}

async function waiting(script: (timing: FakeTiming) => readonly Reply[], options: object = {}) {
  const timing = new FakeTiming();
  const stub = await Stub.start(...script(timing));
  const client = new RunfleetClient({ baseUrl: stub.url, timing, maxRetries: 1 });
  const outcome = client.runs.wait('run_1', options);
  return { stub, timing, outcome };
}

describe('wait', () => {
  it('polls long, again and again, and does not pause where the server waited', async () => {
    const { stub, timing, outcome } = await waiting((clock) => [
      after(clock, 50_000, { json: aRun() }),
      after(clock, 50_000, { json: aRun() }),
      { json: ended() },
    ]);
    await using _ = stub;
    await expect(outcome).resolves.toEqual(ended());
    expect(stub.requests.map(({ path }) => path)).toEqual(Array(3).fill('/v1/runs/run_1?wait=50'));
    expect(timing.sleeps).toEqual([]);
  });

  it('gives any ending back, and does not throw for it', async () => {
    const { stub, outcome } = await waiting(() => [{ json: ended({ status: 'timed_out' }) }]);
    await using _ = stub;
    await expect(outcome).resolves.toMatchObject({ status: 'timed_out' });
  });

  it('paces itself when the server answers at once, as it does while a run waits for tools', async () => {
    const asking = { json: aRun({ status: 'requires_action' }) };
    const seen: string[] = [];
    const onUpdate = (run: { status: string }): void => void seen.push(run.status);
    const { stub, timing, outcome } = await waiting(
      () => [asking, asking, asking, asking, asking, { json: ended() }],
      { onUpdate },
    );
    await using _ = stub;
    await outcome;
    expect(timing.sleeps).toEqual([1000, 2000, 4000, 5000, 5000]);
    expect(seen).toEqual([...Array<string>(5).fill('requires_action'), 'completed']);
  });

  it('outlives a restart of the server', async () => {
    const { stub, outcome } = await waiting((clock) => [
      after(clock, 50_000, { json: aRun() }),
      'reset',
      'reset',
      aProblem(503),
      { status: 502, text: '' },
      { json: ended() },
    ]);
    await using _ = stub;
    await expect(outcome).resolves.toMatchObject({ status: 'completed' });
  });

  it('gives up on a server that stays away', async () => {
    const { stub, timing, outcome } = await waiting((clock) => [
      after(clock, 50_000, { json: aRun() }),
      ...Array<Reply>(400).fill('reset'),
    ]);
    await using _ = stub;
    await expect(outcome).rejects.toMatchObject({ name: 'RunfleetConnectionError' });
    expect(timing.nowMs()).toBeGreaterThan(50_000 + 300_000);
  });

  it.each([
    { name: 'an unknown run', script: [aProblem(404)], status: 404 },
    { name: 'a server that never worked', script: [aProblem(503), aProblem(503)], status: 503 },
  ])('fails at once for $name', async ({ script, status }) => {
    await using stub = await Stub.start(...script);
    await expect(clientOf(stub).runs.wait('run_1')).rejects.toMatchObject({ status });
  });

  it('stops at its timeout, with the run as it was seen last', async () => {
    const { stub, outcome } = await waiting(
      (clock) => [after(clock, 50_000, { json: aRun() }), after(clock, 10_000, { json: aRun() })],
      { timeoutSeconds: 60 },
    );
    await using _ = stub;
    await expect(outcome).rejects.toMatchObject({
      name: 'RunfleetWaitTimeoutError',
      run: { id: 'run_1', status: 'in_progress' },
    });
    expect(stub.requests.map(({ path }) => path)).toEqual([
      '/v1/runs/run_1?wait=50',
      '/v1/runs/run_1?wait=10',
    ]);
  });

  it('ends with the signal, also in the middle of a poll', async () => {
    await using stub = await Stub.start('hang');
    const controller = new AbortController();
    const outcome = clientOf(stub).runs.wait('run_1', { signal: controller.signal });
    await stub.received(1);
    controller.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
  });

  it('follows a create', async () => {
    await using stub = await Stub.start({ status: 202, json: aRun() }, { json: ended() });
    const run = await clientOf(stub).runs.createAndWait({ request: { model: 'm', input: 'x' } });
    expect(run.output_text).toBe('Because of Rayleigh.');
  });
});
