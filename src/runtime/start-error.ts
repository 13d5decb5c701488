/** What cannot be started as configured; the message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
