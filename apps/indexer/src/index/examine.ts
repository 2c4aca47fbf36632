// What is made of a record before it is stored: its label, and what it points to. On a thread of its own where there are any.

import type { DataObject } from '@avocet/data'
import type { Examine } from '@avocet/firehose/pool'
import type { VerifiedOp } from '@avocet/firehose'
import type { Catalog, LexiconDocument } from '@avocet/lexicon'
import { catalog } from '@avocet/lexicons/catalog'
import { createProject, type Project, type Projected } from '../projections/extract.ts'
import type { Active } from '../projections/store.ts'
import { findLinks, type Link } from './links.ts'
import { createJudge, type Judge, type Label } from './validity.ts'

/** What is known of a record beside its bytes. `projected`: what of it stands in indexes, where its collection has some. */
export type Examined = {
  readonly label: Label
  /** The number of the lexicons that it was judged by; left out where it is the same by all. */
  readonly edition?: number
  readonly links: readonly Link[]
  readonly projected?: Projected | null
}

/** What a thread needs to examine records as this one does: lexicons beside those that are bundled, their number, and the indexes. */
export type ExaminerData = {
  readonly edition: number
  readonly documents: readonly LexiconDocument[]
  readonly active: Active
}

/** Why there is nothing to show of a record. Its row says so. */
const UNREAD: Readonly<Record<'malformed' | 'too-costly', Examined>> = {
  malformed: {
    label: { validity: 'unreadable', reason: 'not a record: the block is no object of the data model' },
    links: [],
  },
  'too-costly': {
    label: { validity: 'too-costly', reason: 'more values, or deeper nested, than is looked at' },
    links: [],
  },
}

/**
 * Makes the function that examines the records of operations, each record object at most twice. What a thread has made of one by the same
 * lexicons is taken as it is, and its record not decoded for it.
 * @param project what of a record stands in indexes; null leaves that to who writes them
 * @param edition the number of the lexicons that the judge judges by
 */
export function createExamine(
  judge: Judge,
  project: Project | null = null,
  edition: () => number = () => 0,
): (op: VerifiedOp) => Examined {
  const known = new WeakMap<DataObject, readonly Link[]>()
  return (op) => {
    if (op.unread !== undefined) return UNREAD[op.unread]
    const before = op.examined as Examined | null | undefined
    if (before != null && before.edition === edition()) return before
    const { collection, rkey, record, recordBytes, isRepeat = false } = op
    if (record === null) return UNREAD.malformed
    const label = judge(collection, rkey, record, isRepeat)
    let links = isRepeat ? known.get(record) : undefined
    if (links === undefined) {
      links = findLinks(record, recordBytes!.length)
      if (isRepeat) known.set(record, links)
    }
    const examined: Examined = { label, links, edition: edition() }
    return project === null ? examined : { ...examined, projected: project(collection, record) }
  }
}

/** For the threads that verify: over the bundled lexicons, and what they are given. */
export function createExaminer({ edition, documents, active }: ExaminerData): Examine {
  const project = createProject(active.indexes, active.searches)
  return createExamine(createJudge(catalogWith(documents)), project, () => edition)
}

/** The bundled lexicons with others, which take the place of those with their NSIDs. @throws LexiconError what does not fit together */
export function catalogWith(documents: readonly LexiconDocument[]): Catalog {
  return documents.length === 0 ? catalog : catalog.with(documents)
}
