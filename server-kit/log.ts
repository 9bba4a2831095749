/** One JSON line an event, on pino; what must not be read by whoever reads logs is taken out before it is written. */
import { type DestinationStream, type Logger, pino } from 'pino'
import { redact } from './redaction.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/**
 * ERROR: a person must act now. WARN: it healed itself. INFO: a state changed. DEBUG: for who writes this code.
 * What varies stands in `facts`; `text` is a fixed sentence, so that lines can be counted by it.
 */
export interface Log {
  debug(facts: object, text: string): void
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
  /** A log whose lines all carry these facts too. */
  child(facts: object): Log
}

export interface LogOptions {
  /** Name of the process, in each line. */
  readonly program: string
  /** Default `info`. */
  readonly level?: LogLevel
  /** Default standard output, written before the call returns. */
  readonly destination?: { write(line: string): void }
}

/** A log that writes to `destination`. */
export function createLog({ program, level = 'info', destination }: LogOptions): Log {
  const options = {
    level,
    base: { program, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'text',
    formatters: {
      level: (label: string) => ({ level: label }),
      log: redact,
    },
    // Errors are turned into facts by `redact`; pino's own serializer would run a second time on its `err`.
    serializers: { err: (value: unknown) => value },
  }
  return onPino(destination === undefined ? pino(options) : pino(options, destination as DestinationStream))
}

/** pino formats the facts of each line, but not those of a child: they are cleaned here, once. */
function onPino(logger: Logger): Log {
  return {
    debug: (facts, text) => logger.debug(facts, text),
    info: (facts, text) => logger.info(facts, text),
    warn: (facts, text) => logger.warn(facts, text),
    error: (facts, text) => logger.error(facts, text),
    child: (facts) => onPino(logger.child(redact({ ...facts }))),
  }
}

const nothing = (): void => {
  // A test that looks at behaviour has no use for the lines.
}

/** For tests: says nothing. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLog }
