/**
 * Takes a value for a type of the API without a check. The API repeats much of what it is sent, and a simulator
 * must be able to say what the API would never say (an unknown status, a new error code), so this is on purpose.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type, see above
export function unchecked<T>(value: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place for it
  return value as T;
}
