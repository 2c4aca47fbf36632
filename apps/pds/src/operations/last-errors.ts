import type { Logger } from '../logger.ts'
import { causeOf, redact } from '../redact.ts'
import { createRing } from './ring.ts'

/** A line of the log that tells of something wrong, as the operator's page shows it: without addresses, codes, tokens and keys. */
export interface LastError {
  /** ISO 8601. */
  readonly at: string
  readonly level: 'error' | 'warn'
  readonly message: string
  /** The words of the failure and of its causes; null where the line has none. */
  readonly cause: string | null
  /** What else the line says, as `name=value`. */
  readonly about: string
}

/** The last errors and warnings of this process. Each kind has a bound of its own, so that warnings do not push errors out. */
export interface LastErrors {
  /** The newest first. */
  list(): readonly LastError[]
}

const MAX_ERRORS = 200
const MAX_WARNINGS = 100
const MAX_FIELDS = 8

/** A log that remembers what is wrong, in front of `log`. */
export function rememberErrors(
  log: Logger,
  now: () => number = Date.now,
): { readonly log: Logger; readonly errors: LastErrors } {
  const rings = { error: createRing<LastError>(MAX_ERRORS), warn: createRing<LastError>(MAX_WARNINGS) }
  const keep =
    (level: 'error' | 'warn'): Logger['error'] =>
    (data, message) => {
      rings[level].add({ at: new Date(now()).toISOString(), level, message, ...wordsOf(data) })
      log[level](data, message)
    }
  return {
    log: {
      info: (data, message) => log.info(data, message),
      debug: (data, message) => log.debug(data, message),
      warn: keep('warn'),
      error: keep('error'),
    },
    errors: {
      list: () =>
        [...rings.error.list(), ...rings.warn.list()].toSorted(
          (one, other) => Date.parse(other.at) - Date.parse(one.at),
        ),
    },
  }
}

function wordsOf(data: object): Pick<LastError, 'cause' | 'about'> {
  const { err, cause, ...rest } = data as { err?: unknown; cause?: unknown }
  const failure = err ?? cause
  const about = Object.entries(rest)
    .slice(0, MAX_FIELDS)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([name, value]) => `${name}=${redact(String(value))}`)
    .join(' ')
  return { cause: failure === undefined ? null : causeOf(failure), about }
}
