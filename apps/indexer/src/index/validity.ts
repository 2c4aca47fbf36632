// What a record's lexicon says about it. A label, never a gate: a record that does not fit is indexed all the same.

import type { DataObject } from '@avocet/data'
import type { Catalog } from '@avocet/lexicon'
import { isRecordKeyOfType } from '@avocet/syntax'

/** `unknown`: there is no lexicon for the collection here. `unreadable`: it cannot be a record, and has no content here. */
export type Validity = 'valid' | 'invalid' | 'unknown' | 'unreadable'

/** A verdict with the reason (null when valid). */
export type Label = { readonly validity: Validity; readonly reason: string | null }

/** Judges a record of a collection. Never throws. */
export type Judge = (collection: string, rkey: string, record: DataObject) => Label

const VALID: Label = { validity: 'valid', reason: null }

/** A judge over the documents of a catalog. */
export function createJudge(catalog: Catalog): Judge {
  return (collection, rkey, record) => {
    const schema = catalog.record(collection)
    if (schema === undefined) return { validity: 'unknown', reason: 'no lexicon for this collection' }
    if (record['$type'] !== collection) {
      return { validity: 'invalid', reason: '/$type: not the collection the record is in' }
    }
    if (!isRecordKeyOfType(rkey, schema.key)) {
      return {
        validity: 'invalid',
        reason: `record key: not of the type the lexicon asks for (${schema.key})`,
      }
    }
    const result = schema.validate(record, { legacyBlobs: true, maxIssues: 1 })
    if (result.ok) return VALID
    const issue = result.issues[0]
    return {
      validity: 'invalid',
      reason: issue ? `${issue.path || '/'}: ${issue.message}` : 'does not fit its lexicon',
    }
  }
}
