import { decode } from '@avocet/cbor'
import { type DataObject, type DataValue, isCid } from '@avocet/data'
import { RepoError } from './error.ts'

/**
 * A record from its block.
 *
 * @throws {RepoError} `malformed-repo` unless it is an object of the data model.
 */
export function decodeRecord(bytes: Uint8Array, path: string): DataObject {
  let value: DataValue
  try {
    value = decode(bytes)
  } catch (cause) {
    throw new RepoError('malformed-repo', `record is not valid CBOR; path=${path}`, { path, cause })
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    value instanceof Uint8Array ||
    isCid(value)
  ) {
    throw new RepoError('malformed-repo', `record is not an object; path=${path}`, { path })
  }
  return value
}
