import { type DestinationStream, type Logger, pino } from 'pino';

/** To stderr: standard output is for people and pipes. Synchronous: the last lines before a crash are the ones needed. */
export function createLogger(
  level: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino({ level, base: { pid: process.pid }, serializers: { err: plainError } }, destination);
}

/**
 * Errors carry more than they say: those of Redis the whole command, with outputs, arguments or the password in it; those
 * of the provider its answer. Of that, nothing is for a log.
 */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { type, message, stack } = pino.stdSerializers.err(error);
  return { type, message, stack, ...('code' in error ? { code: error.code } : {}) };
}
