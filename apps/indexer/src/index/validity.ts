// What a record's lexicon says about it. A label, never a gate: a record that does not fit is indexed all the same.

import type { DataObject } from '@avocet/data'
import type { Catalog } from '@avocet/lexicon'
import { isRecordKeyOfType } from '@avocet/syntax'
import type { Validity } from '../database/codes.ts'

/** A verdict with the reason (null when valid). */
export type Label = { readonly validity: Validity; readonly reason: string | null }

/** Judges a record of a collection. Never throws. @param isRepeat the same object is judged at several paths: remember it */
export type Judge = (collection: string, rkey: string, record: DataObject, isRepeat?: boolean) => Label

/** Longest reason, in characters: messages name keys of the record. */
const MAX_REASON = 300

const VALID: Label = { validity: 'valid', reason: null }

/** A judge over the documents of a catalog. Only what repeats is remembered: most records do not, and remembering costs as much. */
export function createJudge(catalog: Catalog): Judge {
  const known = new WeakMap<DataObject, Label>()
  return (collection, rkey, record, isRepeat = false) => {
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
    // Only the collection of its own $type comes here, so the record alone decides.
    if (!isRepeat) return judgeContent(schema, record)
    let label = known.get(record)
    if (label === undefined) {
      label = judgeContent(schema, record)
      known.set(record, label)
    }
    return label
  }
}

function judgeContent(schema: NonNullable<ReturnType<Catalog['record']>>, record: DataObject): Label {
  const result = schema.validate(record, { legacyBlobs: true, maxIssues: 1 })
  if (result.ok) return VALID
  const issue = result.issues[0]
  const reason = issue ? `${issue.path || '/'}: ${issue.message}` : 'does not fit its lexicon'
  return { validity: 'invalid', reason: reason.slice(0, MAX_REASON) }
}
