/** A Redis that is far away, and hangs now and then: the fleet is slow with it, and right. */

import { expect, it } from 'vitest';
import type { RunInput } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, secrets, simulated } from '../support/fleet.ts';
import { type Answer, expectRefused, knock, sendUntilTaken } from '../support/knock.ts';
import { RunfleetProcess } from '../support/processes.ts';
import { callbackEnv, Receiver } from '../support/receiver.ts';
import { RealRedis } from '../support/redis-server.ts';
import { quiet } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { readEffects } from '../support/tool-effects.ts';

const prefix = '{runfleet}';
const runs = 18;
/** A third of them: two calls of a tool each. */
const isWithTools = (n: number): boolean => n % 3 === 0;

function inputOf(n: number, callbackUrl: string): RunInput {
  const callback = { url: callbackUrl };
  const fate = { duration_ms: 500 + n * 100 };
  if (!isWithTools(n)) return { ...(n % 3 === 1 ? aResponse : anAssistantsRun)(fate), callback };
  const tools = [{ type: 'function', name: 'simulated_tool', parameters: { type: 'object' } }];
  const metadata = simulated({ ...fate, tool_rounds: 1, tool_calls: 2 });
  const request = { model: 'gpt-5', input: 'Hello', tools, metadata };
  return { kind: 'responses', request, tools: { mode: 'queue' }, callback };
}

interface Distance {
  readonly name: string;
  /** Each way, and up to `jitterMs` more. */
  readonly lagMs: number;
  readonly jitterMs: number;
  readonly rpm: string;
}

const distances: readonly Distance[] = [
  { name: '300 to 800 ms each way', lagMs: 300, jitterMs: 500, rpm: '0' },
  // No call goes out on the strength of what was heard longer ago than 1.5 s.
  { name: '100 to 400 ms each way, with a limit', lagMs: 100, jitterMs: 300, rpm: '6000' },
];

it.for(distances)(
  '$name: each run ends once, each caller is answered',
  { timeout: 300_000 },
  async (distance, test) => {
    const server = await RealRedis.start();
    test.onTestFinished(() => server[Symbol.asyncDispose]());
    const wire = await TcpProxy.to(server.port);
    test.onTestFinished(() => wire[Symbol.asyncDispose]());
    const receiver = await Receiver.start(test);
    const fleet = await Fleet.start(test, {
      redis: { url: wire.redisUrl, prefix: () => prefix },
      workers: 2,
      env: {
        RUNFLEET_RPM: distance.rpm,
        ...callbackEnv,
      },
    });
    await Promise.all([fleet.addTools(), RunfleetProcess.start(test, ['callbacks'], fleet.env)]);
    const caller = { apiUrl: fleet.api.apiUrl, apiKey: secrets.runfleet };

    wire.lagMs = wire.backLagMs = distance.lagMs;
    wire.jitterMs = distance.jitterMs;
    const answers: Answer[] = [];
    const sending = Array.from({ length: runs }, (_, n) =>
      sendUntilTaken(caller, inputOf(n, receiver.url), `key-${n}`, answers),
    );
    await eventually(
      'the first creates',
      () => fleet.ledger().runs.length,
      (count) => count > 3,
      {
        withinMs: 120_000,
      },
    );
    // Longer than a command of the API may take, and than a worker's lock lasts.
    server.freeze();
    const refused = await knock(caller, 'POST', '/v1/runs', aResponse({}));
    server.thaw();
    expectRefused(refused);
    const ids = await Promise.all(sending);
    await eventually(
      'half of them',
      () => fleet.ledger().runs.length,
      (count) => count > runs / 2,
      {
        withinMs: 120_000,
      },
    );
    server.freeze();
    await expect(knock(caller, 'GET', '/readyz')).resolves.toMatchObject({ status: 503 });
    server.thaw();

    const client = quiet(server.url);
    test.onTestFinished(() => client.disconnect());
    await eventually(
      'all of them to end, slow as it is',
      () => client.zcard(`${prefix}:runs:completed`),
      (count) => count === runs,
      { withinMs: 150_000, everyMs: 100 },
    );
    wire.lagMs = wire.backLagMs = wire.jitterMs = 0;

    expect(new Set(ids).size).toBe(runs);
    const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));
    expect(ended.filter(({ status }) => status !== 'completed')).toEqual([]);
    const ledger = fleet.ledger();
    expect(ledger.duplicates).toEqual([]);
    const creates = ended.reduce((sum, { calls }) => sum + calls.create + calls.submit, 0);
    expect(ledger.runs).toHaveLength(creates);
    expect(creates).toBe(runs + runs / 3);
    // A key that was sent again is the run that it was.
    const { data } = await fleet.client.runs.list({ limit: 100 });
    expect(new Set(data.map(({ id }) => id))).toEqual(new Set(ids));
    const effects = await readEffects(client, prefix);
    expect(new Set(effects.map(({ toolCallId }) => toolCallId)).size).toBe((runs / 3) * 2);
    const told = (): string[] => receiver.received.map(({ headers }) => headers['webhook-id'] ?? '');
    await eventually('each end to be told', told, (seen) => new Set(seen).size === runs);
    expect(answers.filter(({ status }) => ![200, 202, 503].includes(status))).toEqual([]);
    for (const { tookMs } of answers) expect(tookMs).toBeLessThan(40_000);
    for (const { stderr } of fleet.workers) expect(stderr).not.toMatch(/"level":(50|60)/);
  },
);
