import { expect, it } from 'vitest';
import { advance } from '../../../src/app/advance.ts';
import { aFault } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/world.ts';

it('adopts a run that its provider shows late, and says that a webhook told of it', async () => {
  const world = new FakeWorld();
  await world.add('run-1');
  world.responses.failNext('create', aFault('unclear'), { processed: true });
  await advance(world.claim('run-1'), world.deps);
  world.store.unclaimed.push(world.responses.idOf('run-1') ?? '');
  world.responses.failNext('retrieve', aFault('not_found'));
  await expect(world.live('run-1')).resolves.toMatchObject({ status: 'completed', foundBy: 'webhook' });
  await expect(world.store.get('run-1')).resolves.toMatchObject({ state: { calls: { create: 1 } } });
});
