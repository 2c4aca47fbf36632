// Options of commands, each with its variable of the environment.

import { InvalidArgumentError, Option } from 'commander'
import { IndexerError } from '../errors.ts'

/** An option with a value; our own errors become usage errors that name the flag. */
export function option<T>(
  flags: string,
  description: string,
  env: string,
  fallback: T | undefined,
  parse?: (text: string) => T,
): Option {
  const made = new Option(flags, description).env(env)
  if (fallback !== undefined) made.default(fallback)
  return parse === undefined ? made : made.argParser((text: string) => checked(() => parse(text)))
}

/** One that is on or off. */
export function flag(flags: string, description: string, env: string): Option {
  return new Option(flags, description).env(env).default(false, 'off')
}

/** An option that may be repeated, or be a list in the environment, with `between` between its items. */
export function list(
  flags: string,
  description: string,
  name: string,
  env: NodeJS.ProcessEnv,
  otherwise: string,
  between = ',',
): Option {
  const fromEnv = (env[name] ?? '').split(between).filter((item) => item !== '')
  return new Option(flags, `${description} (env: ${name})`)
    .default(fromEnv, fromEnv.join(', ') || otherwise)
    .argParser((text: string, previous: string[]) => [...(previous === fromEnv ? [] : previous), text])
}

function checked<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof IndexerError) throw new InvalidArgumentError(error.message)
    throw error
  }
}
