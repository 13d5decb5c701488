import { beforeEach, describe, expect, it, vi } from 'vitest';
import { submit, type SubmitDeps, submitMany } from '../../../src/app/submit.ts';
import {
  AcceptanceUnknownError,
  IdempotencyMismatchError,
  InvalidInputError,
  StoreUnavailableError,
} from '../../../src/domain/errors.ts';
import { t0 } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';

const body = { request: { model: 'gpt-5', input: 'Hello' } };
const nobody = { owner: null };

let world: FakeWorld;
let deps: SubmitDeps;
beforeEach(() => {
  world = new FakeWorld();
  deps = {
    store: world.store,
    idempotency: world.idempotency,
    backlog: world.backlog,
    clock: world.clock,
    randomness: world.randomness,
    defaultDeadlineSeconds: 120,
    accountNames: ['default', 'eu', 'any'],
    kinds: { responses: world.responses, assistants: world.assistants },
    callbacks: world.callbackRules,
  };
});

async function refusalOf(what: unknown): Promise<InvalidInputError> {
  const error: unknown = await submit(deps, what, nobody).catch((reason: unknown) => reason);
  if (!(error instanceof InvalidInputError)) throw error;
  return error;
}

describe('submit', () => {
  it('writes the run before it answers', async () => {
    const { runId, created } = await submit(deps, body, nobody);
    expect(created).toBe(true);
    await expect(world.store.get(runId)).resolves.toMatchObject({
      spec: {
        id: runId,
        kind: 'responses',
        acceptedAtMs: t0,
        deadlineAtMs: t0 + 120_000,
        lane: null,
        owner: null,
      },
      state: { phase: 'accepted' },
      outcome: null,
    });
    await expect(world.store.getData(runId)).resolves.toMatchObject({ v: 1, request: body.request });
  });

  it('makes no call: that is the worker’s', async () => {
    await submit(deps, body, nobody);
    expect(world.responses.calls).toEqual([]);
    expect(world.gate.asked).toEqual([]);
  });

  it('notes who sent it, and what was asked for', async () => {
    const wish = { ...body, deadline_seconds: 7, lane: 'mine', label: 'nightly', metadata: { a: 'b' } };
    const { runId } = await submit(deps, wish, { owner: 'ann' });
    await expect(world.store.get(runId)).resolves.toMatchObject({
      spec: {
        owner: 'ann',
        deadlineAtMs: t0 + 7000,
        lane: 'mine',
        label: 'nightly',
        metadata: { a: 'b' },
      },
    });
  });

  it('takes the lane of the thread or conversation when none is named', async () => {
    const request = { ...body.request, conversation: 'conv_1' };
    const { runId } = await submit(deps, { request }, nobody);
    await expect(world.store.get(runId)).resolves.toMatchObject({ spec: { lane: 'conv_1' } });
  });

  it.each(['', 'x'.repeat(257)])('refuses as input what makes no lane: %j', async (conversation) => {
    const { fields } = await refusalOf({ request: { ...body.request, conversation } });
    expect(fields).not.toHaveLength(0);
  });

  it('names every field that is wrong, by its path from the root', async () => {
    const wrong = { ...body, priority: -1, callback: { url: 'nowhere' }, metadata: { n: 1 } };
    const { fields, message } = await refusalOf(wrong);
    expect(fields.map(({ path }) => path)).toEqual([['priority'], ['callback', 'url'], ['metadata', 'n']]);
    expect(fields.every((field) => field.message.length > 0)).toBe(true);
    expect(message).toContain('callback.url: ');
  });

  it.each(['default', 'eu', 'any', null])('takes the account %j', async (account) => {
    const { runId } = await submit(deps, { ...body, account }, nobody);
    await expect(world.store.get(runId)).resolves.toMatchObject({ spec: { account } });
  });

  it('names the accounts and pools when it knows none of this name', async () => {
    const { fields } = await refusalOf({ request: { model: 7 }, account: 'us' });
    expect(fields).toEqual([
      { path: ['account'], message: 'There is no such account or pool here, but: default, eu, any.' },
      { path: ['request', 'model'], message: 'The model is not a string.' },
    ]);
  });

  it('asks the kind’s adapter about the request, and puts its paths below `request`', async () => {
    const { fields } = await refusalOf({ request: { model: 7 } });
    expect(fields).toEqual([{ path: ['request', 'model'], message: 'The model is not a string.' }]);
  });

  it.each([null, undefined, 'text', [], 7])('refuses the body %j', async (what) => {
    await expect(refusalOf(what)).resolves.toMatchObject({ name: 'InvalidInputError' });
  });

  it('cannot be made to take what only runfleet sets', async () => {
    await refusalOf({ ...body, owner: 'root' });
    await refusalOf({ ...body, request_stored: true });
    await refusalOf({ ...body, accepted_at: '2020-01-01T00:00:00Z' });
    expect(world.store.nextDueAtMs()).toBeNull();
  });

  it('says that nobody knows when the store fails in the middle of the write', async () => {
    world.store.unavailable = true;
    await expect(submit(deps, body, nobody)).rejects.toBeInstanceOf(AcceptanceUnknownError);
  });
});

describe('submit with an Idempotency-Key', () => {
  const first = { owner: 'ann', idempotency: { key: 'order-1', bodyHash: 'aa' } };

  it('answers the same request with the first run', async () => {
    const one = await submit(deps, body, first);
    world.clock.advance(1000);
    const two = await submit(deps, body, first);
    expect(two).toEqual({ runId: one.runId, created: false });
    await expect(world.store.list({ limit: 9 })).resolves.toMatchObject({ runs: { length: 1 } });
    await expect(world.store.get(one.runId)).resolves.toMatchObject({ spec: { acceptedAtMs: t0 } });
  });

  it('refuses another request under the same key, and names the first run', async () => {
    const { runId } = await submit(deps, body, first);
    const other = { owner: 'ann', idempotency: { key: 'order-1', bodyHash: 'bb' } };
    const refusal = submit(deps, body, other);
    await expect(refusal).rejects.toBeInstanceOf(IdempotencyMismatchError);
    await expect(refusal).rejects.toThrow(runId);
    await expect(world.store.list({ limit: 9 })).resolves.toMatchObject({ runs: { length: 1 } });
  });

  it('keeps callers apart', async () => {
    const one = await submit(deps, body, first);
    const two = await submit(deps, body, { ...first, owner: 'bob' });
    expect(two).toMatchObject({ created: true });
    expect(two.runId).not.toBe(one.runId);
  });

  it('adds the run again when its first process died between reserving and adding', async () => {
    const add = world.store.add.bind(world.store);
    world.store.add = () => Promise.reject(new StoreUnavailableError('Gone.'));
    await expect(submit(deps, body, first)).rejects.toBeInstanceOf(AcceptanceUnknownError);
    world.store.add = add;

    const again = await submit(deps, body, first);
    expect(again.created).toBe(false);
    await expect(world.store.get(again.runId)).resolves.toMatchObject({ state: { phase: 'accepted' } });
    await expect(world.store.list({ limit: 9 })).resolves.toMatchObject({ runs: { length: 1 } });
  });

  it('does not run again what has ended and been removed since', async () => {
    const { runId } = await submit(deps, body, first);
    world.store.get = () => Promise.resolve(null);
    const add = vi.spyOn(world.store, 'add');
    await expect(submit(deps, body, first)).resolves.toEqual({ runId, created: false });
    expect(add).not.toHaveBeenCalled();
  });

  it('makes one run of many requests at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => submit(deps, body, first)));
    expect(new Set(all.map(({ runId }) => runId)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
    await expect(world.store.list({ limit: 99 })).resolves.toMatchObject({ runs: { length: 1 } });
  });

  it('uses up no key for a request that is refused', async () => {
    await expect(submit(deps, { request: { model: 7 } }, first)).rejects.toBeInstanceOf(InvalidInputError);
    await expect(submit(deps, body, first)).resolves.toMatchObject({ created: true });
  });

  it('accepts nothing while the keys cannot be read', async () => {
    world.idempotency.unavailable = true;
    await expect(submit(deps, body, first)).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(world.store.list({ limit: 9 })).resolves.toMatchObject({ runs: [] });
  });
});

describe('submitMany', () => {
  it('accepts or refuses each on its own, in the order sent', async () => {
    const results = await submitMany(deps, [body, { request: 7 }, body, null], 'ann');
    const ids = results.map((result) => ('runId' in result ? result.runId : null));
    expect(ids).toEqual([expect.any(String), null, expect.any(String), null]);
    expect(results[1]).toMatchObject({ error: { fields: [{ path: ['request'] }] } });
    const { runs } = await world.store.list({ limit: 9 });
    expect(runs.map(({ spec }) => spec.id).toSorted()).toEqual(ids.filter((id) => id !== null).toSorted());
    expect(runs.every(({ spec }) => spec.owner === 'ann')).toBe(true);
  });

  it('lets one bad conversation spoil nothing for the others', async () => {
    const bad = { request: { ...body.request, conversation: 'x'.repeat(300) } };
    const results = await submitMany(deps, [body, bad], null);
    expect(results.map((result) => 'runId' in result)).toEqual([true, false]);
  });

  it('makes one trip to the store, and none of none', async () => {
    const trips: number[] = [];
    const addMany = world.store.addMany.bind(world.store);
    world.store.addMany = (runs) => {
      trips.push(runs.length);
      return addMany(runs);
    };
    await submitMany(deps, [body, body, body], null);
    expect(trips).toEqual([3]);
    await expect(submitMany(deps, [], null)).resolves.toEqual([]);
  });

  it('says that nobody knows when the store fails in the middle of the write', async () => {
    world.store.unavailable = true;
    await expect(submitMany(deps, [body], null)).rejects.toBeInstanceOf(AcceptanceUnknownError);
  });
});
