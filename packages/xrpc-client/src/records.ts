/** Records inside the writes of com.atproto.repo, which those lexicons leave open. */
import type { DataObject, DataValue } from '@avocet/data'
import { issuesError } from './error.ts'
import type { ClientOptions } from './types.ts'

type Lexicons = NonNullable<ClientOptions['lexicons']>

/**
 * Checks the records of a write that the lexicons know, and shortens their strings when asked to.
 *
 * @throws {XrpcClientError} `invalid-request`
 */
export function checkRecords(
  nsid: string,
  input: DataObject,
  lexicons: Lexicons,
  options: { readonly truncate: boolean; readonly check: boolean },
): DataObject {
  const checked = (value: DataValue | undefined): DataValue | undefined => {
    if (typeof value !== 'object' || value === null) return value
    const type = (value as DataObject)['$type']
    if (typeof type !== 'string' || lexicons.record(type) === undefined) return value
    const result = lexicons.validateRecord(value, { truncate: options.truncate })
    if (result.ok) return result.value as DataValue
    if (options.check) throw issuesError('invalid-request', nsid, 'record', result.issues)
    return value
  }
  if (nsid === 'com.atproto.repo.createRecord' || nsid === 'com.atproto.repo.putRecord') {
    return { ...input, record: checked(input['record'])! }
  }
  if (nsid === 'com.atproto.repo.applyWrites' && Array.isArray(input['writes'])) {
    const writes = (input['writes'] as DataObject[]).map((write) =>
      'value' in write ? { ...write, value: checked(write['value'])! } : write,
    )
    return { ...input, writes }
  }
  return input
}
