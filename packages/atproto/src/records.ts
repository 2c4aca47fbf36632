import type { RecordSchema } from '@avocet/lexicon'
import {
  createClient,
  decodeRecord,
  decodeRecords,
  listRecords,
  type Client,
  type RecordEntry,
  type RecordFailure,
} from '@avocet/xrpc-client'

import { spoken } from './error.ts'
import { resolve, type ReadOptions } from './identity.ts'

/** What a listing may be told. */
export interface ListOptions {
  /**
   * Told of each record that is not of the data model, or that the schema refuses; the listing goes on. Default: the first one ends it with an
   * error that names it, and the place in it.
   */
  readonly onInvalid?: (failure: RecordFailure) => void
  /** Take numbers that the data model has not, and the like, where the schema does not look. */
  readonly lenient?: boolean
  /** The oldest first. */
  readonly reverse?: boolean
}

/**
 * The records of one kind of an account, as its PDS tells them: typed, checked by the schema, but not proved (`repo` proves them).
 * @throws {AtprotoError} of `@avocet/did` and `@avocet/xrpc-client`
 */
export async function* records<T>(
  actor: string,
  schema: RecordSchema<T>,
  options: ReadOptions & ListOptions = {},
): AsyncGenerator<RecordEntry<T>, void> {
  const { did, pds } = await resolve(actor, options)
  yield* list(createClient({ service: pds }), did, schema, options)
}

/** The same by a client. */
export async function* list<T>(
  client: Client,
  repo: string,
  schema: RecordSchema<T>,
  options: ListOptions & { readonly signal?: AbortSignal },
): AsyncGenerator<RecordEntry<T>, void> {
  const { reverse, ...rest } = options
  const { onInvalid } = options
  const where = { repo, collection: schema.nsid, ...(reverse === undefined ? {} : { reverse }) }
  try {
    for await (const entry of listRecords(client, where, rest)) {
      if (onInvalid === undefined) yield decodeRecord(schema, entry)
      else {
        const read = decodeRecords(schema, [entry])
        read.failures.forEach(onInvalid)
        yield* read.records
      }
    }
  } catch (cause) {
    throw spoken('@avocet/xrpc-client', cause)
  }
}
