import type { CallbackList } from '../../domain/wire/callback.ts';

const id = 'cb_019341c2-5b6e-7c3a-9d0f-2f6a1c0e8b7d_ended';

export const callbackList: CallbackList = {
  object: 'list',
  data: [
    {
      id,
      object: 'runfleet.callback',
      status: 'dead',
      run_id: '019341c2-5b6e-7c3a-9d0f-2f6a1c0e8b7d',
      type: 'run.completed',
      host: 'hooks.example.com',
      tries: 8,
      error: 'answered 503',
      given_up_at: '2026-11-21T13:05:12.000Z',
    },
  ],
  next_cursor: null,
};

export const callbackRedriven = { id, status: 'waiting' };
