/** The kinds of call that share an account's quota. */

export const callClasses = ['create', 'look', 'submit', 'cancel', 'other'] as const;
export type CallClass = (typeof callClasses)[number];

/** A number for each class, in the order of `callClasses`: the form in which they go to and from the script. */
export type PerClass = [create: number, look: number, submit: number, cancel: number, other: number];

export function perClass(value: (callClass: CallClass) => number): PerClass {
  return [value('create'), value('look'), value('submit'), value('cancel'), value('other')];
}

export function classIndex(callClass: CallClass): number {
  return callClasses.indexOf(callClass);
}

export function classAt(index: number): CallClass {
  const found = callClasses[index];
  if (found === undefined) throw new RangeError(`There is no call class ${index}.`);
  return found;
}

/** Urgent calls go ahead of the queue: somebody waits for them, and they are few. */
export function isUrgent(callClass: CallClass): boolean {
  return callClass === 'submit' || callClass === 'cancel';
}
