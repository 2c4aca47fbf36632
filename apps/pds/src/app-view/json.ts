import type { JsonObject, JsonValue } from '@avocet/data'

/** An answer, or a record, that does not have the form its lexicon gives it: then nothing is changed. */
export class OddForm extends Error {
  override readonly name = 'OddForm'
}

/** The value as an object. @throws OddForm */
export function object(value: JsonValue | undefined): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new OddForm('not an object')
}

/** The value as an array of objects. @throws OddForm */
export function objects(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value)) throw new OddForm('not an array')
  return value.map(object)
}

/** The value as a string. @throws OddForm */
export function string(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  throw new OddForm('not a string')
}

/** The value at a path of fields; undefined where one of them is not there. */
export function at(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let found = value
  for (const name of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined
    found = Object.hasOwn(found, name) ? found[name] : undefined
  }
  return found
}
