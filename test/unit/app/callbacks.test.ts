import { expect, it } from 'vitest';
import { callbackOf } from '../../../src/app/callbacks.ts';
import { callbackPayload } from '../../../src/domain/wire/callback.ts';
import { FakeWorld } from '../../support/fakes/index.ts';
import { required } from '../../support/required.ts';

const callback = { url: 'https://hooks.example.com/runs?token=1' };

async function ended(id = 'run-1') {
  const world = new FakeWorld();
  await world.add(id, { callback });
  await world.live(id);
  return { world, record: required(await world.store.get(id)) };
}

it('tells the end of a run once, however often its worker dies while it tells', async () => {
  const { world } = await ended();
  const [message, ...others] = [...world.callbacks.sent.values()];
  expect(others).toEqual([]);
  expect(message).toMatchObject({
    id: 'cb_run-1_ended',
    runId: 'run-1',
    type: 'run.completed',
    url: callback.url,
  });
});

it('sends the whole run', async () => {
  const { world } = await ended();
  const payload = callbackPayload.parse(
    JSON.parse(required(world.callbacks.sent.get('cb_run-1_ended')).body),
  );
  expect(payload).toMatchObject({
    type: 'run.completed',
    output_omitted: false,
    data: { id: 'run-1', object: 'runfleet.run', status: 'completed' },
  });
  expect(payload.data.output_text).not.toBeNull();
});

it('leaves an output out that is too large to be sent, and says so', async () => {
  const { record } = await ended();
  const outcome = { ...required(record.outcome), output: { text: 'x'.repeat(300_000), items: [] } };
  const payload = callbackPayload.parse(
    JSON.parse(
      required(callbackOf({ ...record, outcome: { ...required(record.outcome), ...outcome } }, 0)).body,
    ),
  );
  expect(payload).toMatchObject({ output_omitted: true, data: { output_text: null, output: [] } });
});

it('says nothing of a run that asked for no callback, or that goes on by itself', async () => {
  const { record } = await ended();
  expect(callbackOf({ ...record, spec: { ...record.spec, callbackUrl: null } }, 0)).toBeNull();
  const world = new FakeWorld();
  await world.add('run-1', { callback });
  expect(callbackOf(required(await world.store.get('run-1')), 0)).toBeNull();
});

it('makes an id that a header, a job and a signature bear of whatever id a producer chose', async () => {
  const { record } = await ended();
  const idOf = (id: string): string =>
    required(callbackOf({ ...record, spec: { ...record.spec, id } }, 0)).id;
  expect(idOf('a.b/ü\n')).toMatch(/^[\w~-]+$/);
  expect(idOf('a.b')).not.toBe(idOf('a_b'));
});
