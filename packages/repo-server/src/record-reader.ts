import { decode } from '@avocet/cbor'
import { fromJson, parseCid, type DataObject } from '@avocet/data'
import type { BlockReader } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { stringifyJson } from '@avocet/xrpc'

import { createRecordTexts } from './record-texts.ts'
import type { PageOptions, RecordReads } from './store.ts'

/** A record and its value. */
export interface StoredRecord {
  readonly uri: `at://${string}`
  readonly cid: string
  readonly rkey: string
  /** The value in its JSON form. */
  readonly json: string
  /** The value, made from `json` when it is asked for. */
  readonly value: DataObject
  readonly takedownRef: string | null
}

/** Records by address, with their values. */
export interface RecordReader {
  get(did: Did, collection: string, rkey: string): Promise<StoredRecord | null>
  page(did: Did, collection: string, options: PageOptions): Promise<StoredRecord[]>
}

/** What a row says of a record, taken down or not. */
type Found = readonly [rkey: string, cid: string, takedownRef: string | null]

/** A reader over the rows of records and the blocks they name. The values read last stay in memory, as JSON. */
export function createRecordReader(
  index: Pick<RecordReads, 'find' | 'page'>,
  store: BlockReader,
): RecordReader {
  const texts = createRecordTexts()

  const load = async (did: Did, collection: string, rows: readonly Found[]): Promise<StoredRecord[]> => {
    const found = rows.map(([, cid]) => texts.get(cid))
    if (found.includes(undefined)) await addTexts(did, rows, found)
    const records: StoredRecord[] = []
    for (const [i, [rkey, cid, takedownRef]] of rows.entries()) {
      const json = found[i]
      // A commit that landed between the two reads may have removed the version that its row named.
      if (json !== undefined) {
        records.push(new Stored(`at://${did}/${collection}/${rkey}`, cid, rkey, json, takedownRef))
      }
    }
    return records
  }

  /** Makes the texts that are missing. */
  const addTexts = async (did: Did, rows: readonly Found[], found: (string | undefined)[]): Promise<void> => {
    const missing = rows.flatMap(([, cid], i) => (found[i] === undefined ? [{ i, cid: parseCid(cid) }] : []))
    const blocks = await store.getBlocks(
      did,
      missing.map(({ cid }) => cid),
    )
    for (const { i, cid } of missing) {
      const bytes = blocks.get(cid)
      if (bytes === undefined) continue
      const json = stringifyJson(decode(bytes))
      texts.set(rows[i]![1], json)
      found[i] = json
    }
  }

  return {
    get: async (did, collection, rkey) => {
      for (let attempt = 0; attempt < 3; attempt++) {
        const row = await index.find(did, collection, rkey)
        if (row === null) return null
        const [record] = await load(did, collection, [[rkey, row.cid, row.takedownRef]])
        if (record !== undefined) return record
      }
      return null
    },
    page: async (did, collection, options) => {
      const rows = await index.page(did, collection, options)
      return load(
        did,
        collection,
        rows.map(([rkey, cid]) => [rkey, cid, null]),
      )
    },
  }
}

/** A class, since an object of its own getter takes several times as long to make, and pages have many. */
class Stored implements StoredRecord {
  readonly uri: `at://${string}`
  readonly cid: string
  readonly rkey: string
  readonly json: string
  readonly takedownRef: string | null

  constructor(uri: `at://${string}`, cid: string, rkey: string, json: string, takedownRef: string | null) {
    this.uri = uri
    this.cid = cid
    this.rkey = rkey
    this.json = json
    this.takedownRef = takedownRef
  }

  get value(): DataObject {
    return fromJson(JSON.parse(this.json)) as DataObject
  }
}
