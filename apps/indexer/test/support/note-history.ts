// Histories of notes: applied to the tables, and folded in memory, so that the answers to questions can be compared.

import { encode } from '@avocet/cbor'
import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import {
  type Arbitrary,
  array,
  boolean,
  constant,
  constantFrom,
  integer,
  oneof,
  record as shape,
} from 'fast-check'
import { createNames } from '../../src/database/names.ts'
import { createJudge } from '../../src/index/validity.ts'
import { lexiconsOf } from '../../src/lexicons/load.ts'
import { noteLexicons, rejudgeSlice } from '../../src/lexicons/rejudge.ts'
import { documents, NOTE } from './notes.ts'
import { opOf, type Tables } from './tables.ts'

export const DIDS = ['did:web:a.example', 'did:web:b.example', 'did:web:c.example'] as const satisfies Did[]
export const uriOf = (did: string, rkey: string): string => `at://${did}/${NOTE}/${rkey}`
export const minute = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString()

/** A title of more than three bytes is one that the stricter lexicon does not allow; 5 is one that neither does. */
export const TITLES = ['', 'a', 'ab', 'b', 'é', '\u{FFFD}', '\u{1F600}', 'x'.repeat(300), 'x'.repeat(301)]
const RKEYS = Array.from({ length: 6 }, (_, i) => String(i))

type Fields = Record<string, unknown> & { createdAt: string }
const texts = constantFrom(...TITLES)
const fields = shape(
  {
    createdAt: integer({ min: 0, max: 6 }).map(minute),
    title: oneof({ weight: 5, arbitrary: texts }, { weight: 1, arbitrary: constant(5) }),
    stars: integer({ min: -2, max: 2 }),
    draft: boolean(),
    tags: array(texts, { maxLength: 3 }),
    reply: constantFrom({ parent: uriOf(DIDS[0], '0') }, { parent: uriOf(DIDS[1], '1') }),
  },
  { requiredKeys: ['createdAt'] },
) as Arbitrary<Fields>

/** One thing that happens. */
export type Step =
  | { readonly kind: 'put'; readonly did: Did; readonly rkey: string; readonly fields: Fields }
  | { readonly kind: 'same' | 'delete'; readonly did: Did; readonly rkey: string }
  | { readonly kind: 'status'; readonly did: Did; readonly status: string | null }
  | { readonly kind: 'judge'; readonly strictly: boolean }

const place = { did: constantFrom(...DIDS), rkey: constantFrom(...RKEYS) }

/** Things that happen. */
export const steps: Arbitrary<Step> = oneof(
  { weight: 12, arbitrary: shape({ kind: constant('put' as const), ...place, fields }) },
  { weight: 2, arbitrary: shape({ kind: constant('same' as const), ...place }) },
  { weight: 4, arbitrary: shape({ kind: constant('delete' as const), ...place }) },
  {
    weight: 2,
    arbitrary: shape({
      kind: constant('status' as const),
      did: place.did,
      status: constantFrom(null, 'deactivated'),
    }),
  },
  { weight: 1, arbitrary: shape({ kind: constant('judge' as const), strictly: boolean() }) },
)

/** A record as it stands. */
export type Held = {
  readonly did: string
  readonly rkey: string
  readonly note: DataObject & { createdAt: string }
  readonly row: number
  readonly indexedAt: number
  isValid: boolean
}

/** What is left of a history. */
export type NoteHistory = {
  step(step: Step): Promise<void>
  /** The records of accounts that are on. */
  shown(): Held[]
  /** Deletes all that is there. */
  clear(): void
}

export function createNoteHistory(tables: Tables): NoteHistory {
  const held = new Map<string, Held>()
  const off = new Set<string>()
  // The ids of authors are in this order.
  tables.db.transaction(() =>
    DIDS.forEach((did) => tables.db.prepare('INSERT OR IGNORE INTO names (name) VALUES (?)').run(did)),
  )
  const rowOf = (did: string, rkey: string): number =>
    (
      tables.one(
        'SELECT records.id FROM records JOIN names ON names.id = repo WHERE name = ? AND rkey = ?',
        did,
        rkey,
      ) as { id: number }
    ).id

  const put = (did: Did, rkey: string, note: Held['note']): void => {
    const before = held.get(`${did}/${rkey}`)
    tables.commit(did, [opOf(before === undefined ? 'create' : 'update', `${NOTE}/${rkey}`, note)])
    const isSame = before !== undefined && Buffer.compare(encode(before.note), encode(note)) === 0
    held.set(`${did}/${rkey}`, {
      did,
      rkey,
      note,
      row: rowOf(did, rkey),
      indexedAt: isSame ? before.indexedAt : tables.now,
      isValid: note['title'] !== 5,
    })
  }

  const judge = async (strictly: boolean): Promise<void> => {
    const { catalog, collections } = lexiconsOf(documents(strictly))
    tables.db.transaction(() => noteLexicons(tables.db, catalog, collections))
    const slice = (): ReturnType<typeof rejudgeSlice> =>
      rejudgeSlice(tables.db, createNames(tables.db), tables.projections, () => createJudge(catalog))
    let isNews = false
    while ((await slice()) !== null) isNews = true
    if (!isNews) return
    for (const one of held.values()) {
      const { title } = one.note
      one.isValid = title !== 5 && !(strictly && typeof title === 'string' && Buffer.byteLength(title) > 3)
    }
  }

  return {
    async step(step) {
      tables.now += 1000
      if (step.kind === 'judge') return judge(step.strictly)
      if (step.kind === 'status') {
        tables.account(step.did, step.status)
        if (step.status === null) off.delete(step.did)
        else off.add(step.did)
        return
      }
      const { did, rkey } = step
      const before = held.get(`${did}/${rkey}`)
      if (step.kind === 'put') put(did, rkey, { $type: NOTE, ...step.fields } as Held['note'])
      else if (before === undefined) return
      else if (step.kind === 'same') put(did, rkey, before.note)
      else {
        tables.commit(did, [opOf('delete', `${NOTE}/${rkey}`, null)])
        held.delete(`${did}/${rkey}`)
      }
    },
    shown: () => [...held.values()].filter(({ did }) => !off.has(did)).map((one) => ({ ...one })),
    clear() {
      for (const { did, rkey } of held.values()) {
        tables.commit(did as Did, [opOf('delete', `${NOTE}/${rkey}`, null)])
      }
      held.clear()
    },
  }
}
