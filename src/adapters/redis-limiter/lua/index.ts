import { bookingLua } from './booking.ts';
import { limitLua } from './limit.ts';
import { stateLua } from './state.ts';
import { stepLua } from './step.ts';
import { tokensLua } from './tokens.ts';
import { usageLua } from './usage.ts';

export { redisClockLua } from './clock.ts';

/** The one script. `clockLua` defines `readClock` and `readEpoch`. */
export function limiterScript(clockLua: string): string {
  return [clockLua, stateLua, usageLua, limitLua, tokensLua, bookingLua, stepLua].join('\n');
}
