/** examples/tool-worker.py: a worker in plain Redis commands, beside ours. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { toolJobId } from '../../src/adapters/tools/keys.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { programFor } from '../support/deploy/binaries.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { aToolCall, ToolQueue } from '../support/tool-queue.ts';

const redis = useRedis();
const example = join(import.meta.dirname, '../../examples/tool-worker.py');
const counting = join(import.meta.dirname, '../support/counting_tool_worker.py');
const python = programFor('the Python tool worker', 'python3');

class PythonWorker implements AsyncDisposable {
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown[]>;
  private said = '';

  private constructor(prefix: string, url: string) {
    const env = { PATH: processEnvironment()['PATH'], REDIS_URL: url, RUNFLEET_PREFIX: prefix };
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    this.child = spawn(python?.file ?? '', ['-u', counting, example], { env, stdio: [...stdio] });
    this.child.stdout?.on('data', (text: Buffer) => (this.said += text.toString()));
    this.exited = once(this.child, 'exit');
  }

  /** `url`: another way to the same Redis. */
  static async start(prefix: string, url = redis.url): Promise<PythonWorker> {
    const worker = new PythonWorker(prefix, url);
    if (worker.child.stdout !== null) await once(worker.child.stdout, 'data');
    return worker;
  }

  /** How often it has run a tool. */
  get ran(): number {
    return this.said.split('\n').filter((line) => line.startsWith('ran ')).length;
  }

  async end(signal: NodeJS.Signals): Promise<unknown> {
    this.child.kill(signal);
    const [code] = await this.exited;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end('SIGKILL');
  }
}

const weather = aToolCall({ name: 'get_weather', toolCallId: 'weather', arguments: '{"city":"Bærum"}' });
const approval = aToolCall({
  name: 'wait_for_approval',
  toolCallId: 'approval',
  arguments: '{"seconds":600}',
});

if (python !== null) {
  it(
    'answers calls, tells what is wrong with others, and leaves those that are not its own',
    { timeout: 60_000 },
    async () => {
      await using tools = new ToolQueue(redis.url, redis.prefix());
      await tools.serve({ add: { handler: () => 'added' } });
      await using worker = await PythonWorker.start(tools.prefix);
      tools.watch();
      const served = () => tools.client.zcard(tools.keys.served);
      await eventually('both to have said what they serve', served, (count) => count === 3);
      const calls = [
        weather,
        aToolCall({ name: 'get_weather', toolCallId: 'broken', arguments: '{"city":' }),
        aToolCall({ name: 'get_weather', toolCallId: 'empty', arguments: '{}' }),
        aToolCall({ name: 'add', toolCallId: 'add' }),
        aToolCall({ name: 'fly', toolCallId: 'fly' }),
      ];
      await tools.dispatcher.dispatch(calls);
      const answers = await eventually(
        'all answers',
        () => tools.answers,
        (seen) => seen.length === calls.length,
        { withinMs: 50_000 },
      );
      expect(Object.fromEntries(answers.map(({ toolCallId, answer }) => [toolCallId, answer]))).toMatchObject(
        {
          weather: { output: JSON.stringify({ city: 'Bærum', celsius: 9, sky: 'rain' }) },
          broken: { error: { code: 'invalid_arguments' } },
          empty: { error: { code: 'tool_failed' } },
          add: { output: 'added' },
          fly: { error: { code: 'unknown_tool' } },
        },
      );
      expect(await worker.end('SIGTERM')).toBe(0);
    },
  );

  it('runs calls side by side, and hears when one is withdrawn', async () => {
    await using tools = new ToolQueue(redis.url, redis.prefix());
    await using _worker = await PythonWorker.start(tools.prefix);
    tools.watch();
    await tools.dispatcher.dispatch([approval, weather]);
    await eventually(
      'the quick one',
      () => tools.answers,
      (seen) => seen.length === 1,
    );
    const job = () => tools.queue.getJob(toolJobId(approval));
    expect(await (await job())?.getState()).toBe('active');
    await tools.dispatcher.withdraw([approval]);
    await eventually('the job to be gone', job, (found) => found === undefined);
    expect(tools.answers).toHaveLength(1);
  });

  it('leaves a call alone that a worker of ours has in hand', async () => {
    await using tools = new ToolQueue(redis.url, redis.prefix());
    tools.watch();
    await tools.dispatcher.dispatch([weather]);
    await tools.client.hset(tools.keys.job(toolJobId(weather)), 'owner', 'ours');
    await tools.client.zadd(tools.keys.workers, Date.now() + 3_600_000, 'ours');
    await using _worker = await PythonWorker.start(tools.prefix);
    await eventually(
      'it to have put the call back twice',
      () => tools.queue.getJob(toolJobId(weather)),
      (job) => (job?.attemptsStarted ?? 0) > 2,
    );
    expect(tools.answers).toEqual([]);
    await tools.client.zrem(tools.keys.workers, 'ours');
    await eventually(
      'its answer',
      () => tools.answers,
      (seen) => seen.length === 1,
    );
  });

  it('does not run a call again because Redis was away for longer than the lock', async () => {
    await using wire = await TcpProxy.to(redis.port);
    await using tools = new ToolQueue(redis.url, redis.prefix());
    await using first = await PythonWorker.start(tools.prefix, wire.redisUrl);
    await using second = await PythonWorker.start(tools.prefix, wire.redisUrl);
    const ours = { handler: () => 'ours' };
    tools.watch();
    await tools.dispatcher.dispatch([{ ...approval, arguments: '{"seconds":12}' }]);
    const ran = (): number => first.ran + second.ran;
    await eventually('the call to be taken up', ran, (count) => count === 1);
    await tools.serve({ wait_for_approval: ours }, wire.redisUrl);
    await wire.cut();
    await tools.allGivenUp();
    await wire.restore();
    await eventually(
      'its answer',
      () => tools.answers,
      (seen) => seen.length === 1,
    );
    expect(tools.answers[0]?.answer).toEqual({ output: 'approved' });
    expect(ran()).toBe(1);
  });

  it('goes on with a call whose lock it has lost, and was given again', async () => {
    await using tools = new ToolQueue(redis.url, redis.prefix());
    await using worker = await PythonWorker.start(tools.prefix);
    tools.watch();
    await tools.dispatcher.dispatch([{ ...approval, arguments: '{"seconds":8}' }]);
    await eventually(
      'the call to be taken up',
      () => worker.ran,
      (count) => count === 1,
    );
    const id = toolJobId(approval);
    await tools.client.del(`${tools.keys.job(id)}:lock`);
    await eventually(
      'it to be taken up again',
      () => tools.queue.getJob(id),
      (job) => (job?.attemptsStarted ?? 0) > 1,
    );
    await eventually(
      'its answer',
      () => tools.answers,
      (seen) => seen.length === 1,
    );
    expect(tools.answers[0]?.answer).toEqual({ output: 'approved' });
    expect(worker.ran).toBe(1);
    // Every event of BullMQ's carries the result; the answer stands beside the job.
    expect((await tools.queue.getJob(id))?.returnvalue).toEqual({ kept: true });
  });

  it('is followed by another when it dies', async () => {
    await using tools = new ToolQueue(redis.url, redis.prefix());
    await using first = await PythonWorker.start(tools.prefix);
    tools.watch();
    const call = { ...approval, arguments: '{"seconds":1}' };
    await tools.dispatcher.dispatch([call]);
    await eventually(
      'the call to be taken up',
      () => tools.queue.getActiveCount(),
      (count) => count === 1,
    );
    await first.end('SIGKILL');
    await using _second = await PythonWorker.start(tools.prefix);
    await eventually(
      'its answer',
      () => tools.answers,
      (seen) => seen.length === 1,
    );
    expect(tools.answers[0]?.answer).toEqual({ output: 'approved' });
  });
}
