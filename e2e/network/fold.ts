// What a subscriber makes of its stream, whatever the wire: records by their place, and statuses of accounts.

/** A change of a record. */
export type Change = {
  readonly did: string
  readonly operation: 'create' | 'update' | 'delete'
  readonly collection: string
  readonly rkey: string
  readonly cid?: string | undefined
}

/** The state of a subscriber. */
export type Fold = {
  /** `did/collection/rkey` → CID. */
  readonly records: Map<string, string>
  /** Of those who are not active. */
  readonly statuses: Map<string, string>
  change(change: Change): void
  /** `active`, or another status; what a deleted account had is gone. */
  status(did: string, status: string): void
}

/** Nothing yet. */
export function createFold(): Fold {
  // By account, so that one can go.
  const paths = new Map<string, Set<string>>()
  const records = new Map<string, string>()
  const statuses = new Map<string, string>()
  return {
    records,
    statuses,
    change({ did, operation, collection, rkey, cid }) {
      const place = `${did}/${collection}/${rkey}`
      const own = paths.get(did) ?? new Set<string>()
      paths.set(did, own)
      if (operation === 'delete') {
        records.delete(place)
        own.delete(place)
        return
      }
      records.set(place, cid!)
      own.add(place)
    },
    status(did, status) {
      if (status === 'active') statuses.delete(did)
      else statuses.set(did, status)
      if (status !== 'deleted') return
      for (const place of paths.get(did) ?? []) records.delete(place)
      paths.delete(did)
    },
  }
}

/** Where two maps differ: a few of it, and in how many places. */
export function compareMaps(
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): { readonly different: number; readonly examples: readonly string[] } {
  const examples: string[] = []
  let different = 0
  const note = (text: string): void => {
    different++
    if (examples.length < 5) examples.push(text)
  }
  for (const [place, value] of expected) {
    const other = found.get(place)
    if (other !== value) note(`${place}: ${value} is ${other ?? 'nothing'}`)
  }
  for (const [place, value] of found) if (!expected.has(place)) note(`${place}: nothing is ${value}`)
  return { different, examples }
}
