import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../ports/clock.ts';
import { type Caller, may } from './caller.ts';
import type { KeyRing } from './key-ring.ts';

/**
 * Sessions of browsers on the board: a signed cookie with a key's name and an end, nothing kept here.
 * The secret is this process's own, so a restart logs everybody out, and several processes behind one address
 * need a load balancer that keeps a browser with one of them.
 */
export interface BoardSessions {
  cookieFor(caller: Caller, https: boolean): string;
  readonly goneCookie: string;
  /** Null without a cookie of ours that still holds. */
  callerOf(cookieHeader: string | undefined): Caller | null;
}

const sessionSchema = z.object({ name: z.string(), endsAtMs: z.number() });

const cookieName = 'runfleet_board';
const attributes = 'Path=/board; HttpOnly; SameSite=Strict';
const sessionSeconds = 12 * 3600;

export function boardSessions(ring: KeyRing, clock: Clock): BoardSessions {
  const secret = randomBytes(32);
  const sign = (payload: string): Buffer => createHmac('sha256', secret).update(payload).digest();
  return {
    cookieFor: ({ name }, https) => {
      const session = { name, endsAtMs: clock.nowMs() + sessionSeconds * 1000 };
      const payload = Buffer.from(JSON.stringify(session)).toString('base64url');
      const value = `${payload}.${sign(payload).toString('base64url')}`;
      return `${cookieName}=${value}; Max-Age=${sessionSeconds}; ${attributes}${https ? '; Secure' : ''}`;
    },
    goneCookie: `${cookieName}=; Max-Age=0; ${attributes}`,
    callerOf: (cookieHeader) => {
      const [payload = '', signature = ''] = cookie(cookieHeader).split('.');
      const expected = sign(payload);
      const given = Buffer.from(signature, 'base64url');
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
      const { name, endsAtMs } = sessionSchema.parse(
        JSON.parse(Buffer.from(payload, 'base64url').toString()),
      );
      const caller = clock.nowMs() < endsAtMs ? ring.named(name) : null;
      return caller !== null && may(caller, 'admin') ? caller : null;
    },
  };
}

function cookie(header = ''): string {
  const prefix = `${cookieName}=`;
  const found = header.split(';').find((part) => part.trim().startsWith(prefix));
  return found?.trim().slice(prefix.length) ?? '';
}
