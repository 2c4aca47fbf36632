// https://atproto.com/specs/record-key#record-key-syntax

import { ALNUM, isClass } from './chars.ts'
import { isNsid } from './nsid.ts'
import { createAssert, createParse, type Result } from './result.ts'
import { isTid } from './tid.ts'

/** The key of a record in its collection. */
export type RecordKey = string

const MAX_LENGTH = 512
const PUNCTUATION = '_~.:-'

function problem(text: string): string | null {
  if (text.length === 0) return 'empty'
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  for (let i = 0; i < text.length; i++) {
    if (!isClass(text, i, ALNUM) && !PUNCTUATION.includes(text.charAt(i))) {
      return 'a character outside a-z A-Z 0-9 _ ~ . : -'
    }
  }
  return text === '.' || text === '..' ? 'a dot segment' : null
}

/** All that {@link problem} finds nothing wrong with, but for the dot segments. */
const RECORD_KEY = /^[a-zA-Z0-9_~.:-]{1,512}$/

/** Whether a value is a record key. */
export function isRecordKey(value: unknown): value is RecordKey {
  return typeof value === 'string' && RECORD_KEY.test(value) && value !== '.' && value !== '..'
}

/** The record key in a text; failure `invalid-record-key`. */
export const parseRecordKey: (value: unknown) => Result<RecordKey> = /* @__PURE__ */ createParse(
  'record-key',
  problem,
)

/** @throws SyntaxFault `invalid-record-key` unless the value is a record key. */
export const assertRecordKey: (value: unknown) => asserts value is RecordKey = /* @__PURE__ */ createAssert(
  'record-key',
  problem,
)

/** The kinds of key a record schema can ask for (https://atproto.com/specs/record-key#record-key-types). */
export type RecordKeyType = 'tid' | 'nsid' | 'any' | `literal:${string}`

/** Whether a value names a kind of key. */
export function isRecordKeyType(value: unknown): value is RecordKeyType {
  if (value === 'tid' || value === 'nsid' || value === 'any') return true
  return (
    typeof value === 'string' && value.startsWith('literal:') && isRecordKey(value.slice('literal:'.length))
  )
}

/** Whether a key is of the kind that its record's schema asks for. */
export function isRecordKeyOfType(key: unknown, type: RecordKeyType): key is RecordKey {
  if (!isRecordKey(key)) return false
  switch (type) {
    case 'any':
      return true
    case 'tid':
      return isTid(key)
    case 'nsid':
      return isNsid(key)
    default:
      return type.startsWith('literal:') && key === type.slice('literal:'.length)
  }
}
