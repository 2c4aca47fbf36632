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
  readonly links: readonly Link[]
  readonly projected?: Projected | null
}

/** What a thread needs to examine records as this one does: lexicons beside those that are bundled, and the indexes. */
export type ExaminerData = {
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
 * Makes the function that examines the records of operations, each record object at most twice.
 * @param project what of a record stands in indexes; null leaves that to who writes them
 */
export function createExamine(judge: Judge, project: Project | null = null): (op: VerifiedOp) => Examined {
  const known = new WeakMap<DataObject, readonly Link[]>()
  return (op) => {
    const { collection, rkey, record, recordBytes, isRepeat = false } = op
    if (record === null) return UNREAD[op.unread ?? 'malformed']
    const label = judge(collection, rkey, record, isRepeat)
    let links = isRepeat ? known.get(record) : undefined
    if (links === undefined) {
      links = findLinks(record, recordBytes!.length)
      if (isRepeat) known.set(record, links)
    }
    return project === null ? { label, links } : { label, links, projected: project(collection, record) }
  }
}

/** For the threads that verify: over the bundled lexicons, and what they are given. */
export function createExaminer({ documents, active }: ExaminerData): Examine {
  return createExamine(createJudge(catalogWith(documents)), createProject(active.indexes, active.searches))
}

/** The bundled lexicons with others, which take the place of those with their NSIDs. @throws LexiconError what does not fit together */
export function catalogWith(documents: readonly LexiconDocument[]): Catalog {
  return documents.length === 0 ? catalog : catalog.with(documents)
}

/** What a thread has made of it already, or else is made of it now. */
export function examined(op: VerifiedOp, examine: (op: VerifiedOp) => Examined): Examined {
  if (op.unread !== undefined) return UNREAD[op.unread]
  return op.examined == null ? examine(op) : (op.examined as Examined)
}
