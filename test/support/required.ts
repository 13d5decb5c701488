/** What must be there, or the test is wrong. */
export function required<T>(value: T | null | undefined, what = 'value'): T {
  if (value === null || value === undefined) throw new Error(`There is no ${what}.`);
  return value;
}
