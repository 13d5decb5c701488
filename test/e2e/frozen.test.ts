/** A worker that is frozen, not dead: another takes its runs over, and what it does when it wakes is void. */

import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, simulated } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

it.concurrent('loses its look to another worker: the run ends once, and the first one’s word is void', async (test) => {
  const fleet = await Fleet.start(test, { redis });
  const [frozen] = fleet.workers;
  const run = await fleet.client.runs.create(aResponse({ queue_ms: 0, duration_ms: 1000 }));
  await eventually(
    'the create',
    () => fleet.ledger().responses.created,
    (created) => created === 1,
  );
  fleet.simulator.setFaults({
    rules: [{ operation: 'responses.retrieve', fault: { type: 'slow', delayMs: 1000 }, next: 1 }],
  });
  await eventually(
    'a look to be out',
    () => fleet.simulator.faults().rules[0]?.next,
    (left) => left === 0,
  );
  frozen?.signal('SIGSTOP');
  const other = await fleet.addWorker();

  const ended = await fleet.client.runs.wait(run.id);
  expect(ended).toMatchObject({ status: 'completed', calls: { create: 1 } });

  frozen?.signal('SIGCONT');
  // It lives on, and does what comes next.
  await other.kill();
  const next = await fleet.client.runs.createAndWait(anAssistantsRun({ duration_ms: 0 }));
  expect(next).toMatchObject({ status: 'completed' });
  await expect(fleet.client.runs.get(run.id)).resolves.toEqual(ended);
  expect(fleet.ledger().duplicates).toEqual([]);
  expect(fleet.ledger().responses.created).toBe(1);
  expect(frozen?.stderr).not.toMatch(/"level":(50|60)/);
  // Who ends a run says so; nobody else does.
  const said = fleet
    .output()
    .split('\n')
    .filter((line) => line.includes('run ended') && line.includes(run.id));
  expect(said).toHaveLength(1);
});

it.concurrent('loses its create to another worker, who finds the run on its thread: it is created once', async (test) => {
  const fleet = await Fleet.start(test, { redis });
  const [frozen] = fleet.workers;
  const threadId = await fleet.newThread();
  fleet.simulator.setFaults({
    rules: [{ operation: 'runs.create', fault: { type: 'slow', delayMs: 1000 }, next: 1 }],
  });
  const run = await fleet.client.runs.create({
    kind: 'assistants',
    request: { assistant_id: 'asst_1', thread_id: threadId, metadata: simulated({ duration_ms: 3000 }) },
  });
  await eventually(
    'the create to be out',
    () => fleet.ledger().assistants.created,
    (created) => created === 1,
  );
  frozen?.signal('SIGSTOP');
  await fleet.addWorker();
  // The other one has found it; the first one still thinks that its create is out.
  await eventually(
    'the run to be found',
    () => fleet.client.runs.get(run.id),
    ({ calls }) => calls.list > 0,
  );
  frozen?.signal('SIGCONT');

  const ended = await fleet.client.runs.wait(run.id);
  expect(ended).toMatchObject({ status: 'completed', calls: { create: 1 } });
  expect(fleet.ledger().assistants.created).toBe(1);
  expect(fleet.ledger().runs[0]?.id).toBe(ended.provider_run_id);
  expect(frozen?.stderr).not.toMatch(/"level":(50|60)/);
});
