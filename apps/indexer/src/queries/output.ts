// What the answers of a collection's queries have in common, as lexicons have it.

import type { LexiconObject } from '@avocet/lexicon'

/** The largest page. */
export const MAX_LIMIT = 100
/** The longest cursor, in characters. */
export const MAX_CURSOR = 8192

/** What a record of an answer has. */
export const RECORD_REQUIRED: readonly string[] = ['uri', 'cid', 'did', 'indexedAt', 'value']

/** The same, with types. */
export function recordProperties(collection: string): object {
  return {
    uri: { type: 'string', format: 'at-uri' },
    cid: { type: 'string', format: 'cid' },
    did: { type: 'string', format: 'did' },
    indexedAt: { type: 'string', format: 'datetime' },
    value: { type: 'union', refs: [collection], closed: true },
  }
}

/** An answer. */
export function json(schema: Omit<LexiconObject, 'type'>): object {
  return { encoding: 'application/json', schema: { type: 'object', ...schema } }
}
