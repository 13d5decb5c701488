import { acceptedIsEnded, acceptedOnce, callbacksDelivered, oneOutcome } from './ends.ts';
import type { Check } from './check.ts';
import { nothingLeft, quietLogs, stopsInOrder } from './house.ts';
import { lanesInTurn, toolsOnce } from './order.ts';
import { createsKnown, endsAreTrue, nothingGoesOn, quotaKept } from './provider.ts';

export const checks: readonly Check[] = [
  acceptedIsEnded,
  acceptedOnce,
  oneOutcome,
  endsAreTrue,
  createsKnown,
  nothingGoesOn,
  callbacksDelivered,
  quotaKept,
  toolsOnce,
  lanesInTurn,
  stopsInOrder,
  nothingLeft,
  quietLogs,
];
