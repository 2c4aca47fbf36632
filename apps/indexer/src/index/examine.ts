// What is made of a record before it is stored: its label, and what it points to. On a thread of its own where there are any.

import type { DataObject } from '@avocet/data'
import type { Examine } from '@avocet/firehose/pool'
import type { VerifiedOp } from '@avocet/firehose'
import { catalog } from '@avocet/lexicons/catalog'
import { findLinks, type Link } from './links.ts'
import { createJudge, type Judge, type Label } from './validity.ts'

/** What is known of a record beside its bytes. */
export type Examined = { readonly label: Label; readonly links: readonly Link[] }

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

/** Makes the function that examines the records of operations, each record object at most twice. */
export function createExamine(judge: Judge): (op: VerifiedOp) => Examined {
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
    return { label, links }
  }
}

/** For the threads that verify: over the bundled lexicons. */
export function createExaminer(): Examine {
  return createExamine(createJudge(catalog))
}

/** What a thread has made of it already, or else is made of it now. */
export function examined(op: VerifiedOp, examine: (op: VerifiedOp) => Examined): Examined {
  if (op.unread !== undefined) return UNREAD[op.unread]
  return op.examined == null ? examine(op) : (op.examined as Examined)
}
