import { decode } from '@avocet/cbor'
import { parseCid, type DataObject } from '@avocet/data'
import type { RepoStore } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { PageOptions, RecordIndex, RecordRow } from './record-index.ts'

/** A record and its value. */
export interface StoredRecord {
  readonly uri: `at://${string}`
  readonly cid: string
  readonly rkey: string
  readonly value: DataObject
  readonly takedownRef: string | null
}

/** Records by address, with their values. */
export interface RecordReader {
  get(did: Did, collection: string, rkey: string): Promise<StoredRecord | null>
  page(did: Did, collection: string, options: PageOptions): Promise<StoredRecord[]>
}

/** A reader over the rows of records and the blocks they name. */
export function createRecordReader(index: RecordIndex, store: RepoStore<Database>): RecordReader {
  const load = async (did: Did, collection: string, rows: readonly RecordRow[]): Promise<StoredRecord[]> => {
    const cids = rows.map((row) => parseCid(row.cid))
    const blocks = await store.getBlocks(did, cids)
    return rows.flatMap((row, i) => {
      const bytes = blocks.get(cids[i]!)
      // A commit that lands between the two reads may have removed the version that its row named.
      if (bytes === undefined) return []
      const uri = `at://${did}/${collection}/${row.rkey}` as const
      const { cid, rkey, takedownRef } = row
      return [{ uri, cid, rkey, value: decode(bytes) as DataObject, takedownRef }]
    })
  }
  return {
    get: async (did, collection, rkey) => {
      for (let attempt = 0; attempt < 3; attempt++) {
        const row = index.get(did, collection, rkey)
        if (row === null) return null
        const [record] = await load(did, collection, [row])
        if (record !== undefined) return record
      }
      return null
    },
    page: (did, collection, options) => load(did, collection, index.page(did, collection, options)),
  }
}
