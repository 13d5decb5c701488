import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { readWebhook, webhookTypes } from '../../../src/domain/webhook.ts';

const event = (type: string, id: unknown = 'resp_1') => ({ object: 'event', type, data: { id } });

it.each([
  ['response.completed', 'response.completed', 'responses'],
  ['response.cancelled', 'response.cancelled', 'responses'],
  ['response.newly_invented', 'other', 'responses'],
  ['thread.run.expired', 'thread.run.expired', 'assistants'],
  ['thread.run.requires_action', 'thread.run.requires_action', 'assistants'],
])('%s is worth a look', (type, label, kind) => {
  expect(readWebhook(event(type))).toEqual({ type: label, notice: { kind, providerRunId: 'resp_1' } });
});

it.each([
  'response.in_progress',
  'thread.run.created',
  'thread.run.step.completed',
  'thread.created',
  'batch.completed',
  'responses',
])('%s is not', (type) => {
  expect(readWebhook(event(type))?.notice).toBeNull();
});

it.each([null, [], 7, 'x', {}, { type: 7 }, { type: '' }, { type: 'response.completed' }])(
  '%j is no event',
  (body) => {
    expect(readWebhook(body)).toBeNull();
  },
);

it.each(['', 'a b', 'a\nb', 'ä', 'x'.repeat(201), 7, null])('an id like %j is refused', (id) => {
  expect(readWebhook(event('response.completed', id))).toBeNull();
});

it('answers whatever comes, with a name of the list', () => {
  const labels: ReadonlySet<unknown> = new Set([...webhookTypes, 'other', undefined]);
  const isBounded = (body: unknown): boolean => labels.has(readWebhook(body)?.type);
  fc.assert(
    fc.property(fc.anything(), fc.string(), (body, type) => {
      expect([isBounded(body), isBounded({ ...Object(body), type })]).toEqual([true, true]);
    }),
  );
});
