// What is wanted: which collections, and of whose repos. What flags say, and on top of that what was added and removed while it ran.

import { filterHash, type Follows } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { beyond, createFilter, type IsWanted } from './collections.ts'

/** What the flags say. */
export type WantedFlags = {
  /** Every repo is followed. */
  readonly everything: boolean
  /** Exact names, or namespaces ending in `.*`; null: all of the repos that are followed. */
  readonly collections: readonly string[] | null
  /** Repos with a record of this one are followed, whatever `collections` says; null: those with records of `collections`. */
  readonly signal: string | null
  readonly repos: readonly string[]
}

/** Everything of everybody. */
export const ALL: WantedFlags = { everything: true, collections: null, signal: null, repos: [] }

/** What something was chosen of while it ran. */
export type ChoiceKind = 'collection' | 'repo'

/** What is wanted now. */
export type Wanted = {
  readonly everything: boolean
  readonly signal: string | null
  /** The collections that rows are made of; null: all. */
  collections(): readonly string[] | null
  /** The collections whose owners are followed; null: everybody is. */
  discovered(): readonly string[] | null
  readonly isWanted: IsWanted
  readonly follows: Follows
  /** The name of the choice of collections, for the repos that were read for it. It never comes back for another one. */
  label(): string
  /** A repo that is followed whatever it has. */
  isNamed(did: string): boolean
  /** A repo that was removed by hand. */
  isRemoved(did: string): boolean
  /** Repos that are named, in order of DID. */
  named(after: string, limit: number): string[]
  /** How many they are. */
  countNamed(): number
  /** What was added and removed while it ran, on top of the flags. */
  chosen(kind: ChoiceKind): { readonly added: number; readonly removed: number }
  /** Adds or removes; durable when it resolves. */
  choose(kind: ChoiceKind, names: readonly string[], wanted: boolean): Promise<void>
}

/** Reads what was chosen, and notes what is new and what is not wanted any more since the last start. @param now ms since the epoch */
export function openWanted(db: Database, flags: WantedFlags, now: () => number): Wanted {
  const { everything, signal } = flags
  const choices = { collection: new Map<string, boolean>(), repo: new Map<string, boolean>() }
  for (const row of db
    .prepare("SELECT kind, name, wanted FROM choices WHERE kind IN ('collection', 'repo')")
    .iterate()) {
    choices[row['kind'] as ChoiceKind].set(row['name'] as string, row['wanted'] === 1)
  }
  const flagged = new Set(flags.repos)

  const combine = (chosen: ReadonlyMap<string, boolean>): readonly string[] | null => {
    const added = [...chosen].filter(([, wanted]) => wanted).map(([name]) => name)
    if (flags.collections === null) return everything || added.length === 0 ? null : added
    return [...new Set([...flags.collections.filter((name) => chosen.get(name) !== false), ...added])]
  }

  let collections = combine(choices.collection)
  let isWanted = createFilter(collections)
  let isOwners = createFilter(signal === null ? (collections ?? []) : [signal])
  let label = ''
  const take = (next: readonly string[] | null, name: string): void => {
    collections = next
    isWanted = createFilter(next)
    isOwners = createFilter(signal === null ? (next ?? []) : [signal])
    label = name
  }

  /** In a transaction: what is new has a new name, what is not wanted any more is to be removed. @returns the name */
  const note = (next: readonly string[] | null): string => {
    const row = db.prepare('SELECT collections, generation, label FROM chosen').get() as
      | { collections: string; generation: number; label: string }
      | undefined
    const hash = filterHash(next ?? undefined)
    const before = row === undefined ? next : (JSON.parse(row.collections) as string[] | null)
    const isNews = beyond(next, before)?.length !== 0
    const generation = (row?.generation ?? 0) + (isNews ? 1 : 0)
    const name = row === undefined ? hash : isNews ? `${generation}.${hash}` : row.label
    db.prepare(
      `INSERT INTO chosen (id, collections, generation, label) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE
       SET collections = excluded.collections, generation = excluded.generation, label = excluded.label`,
    ).run(JSON.stringify(next), generation, name)
    if (beyond(before, next)?.length !== 0) {
      db.prepare("INSERT OR REPLACE INTO removals (kind, name, position) VALUES ('collections', '', 0)").run()
    }
    return name
  }
  take(
    collections,
    db.transaction(() => note(collections)),
  )

  const isNamed = (did: string): boolean => choices.repo.get(did) ?? flagged.has(did)
  const isRemoved = (did: string): boolean => choices.repo.get(did) === false

  const store = (kind: ChoiceKind, names: readonly string[], wanted: boolean): void => {
    const insert = db.prepare('INSERT OR REPLACE INTO choices (kind, name, wanted, at) VALUES (?, ?, ?, ?)')
    for (const name of names) insert.run(kind, name, wanted ? 1 : 0, now())
  }

  return {
    everything,
    signal,
    collections: () => collections,
    discovered: () => (everything ? null : signal === null ? (collections ?? []) : [signal]),
    isWanted: (collection) => isWanted(collection),
    follows(did, claims) {
      const chosen = choices.repo.get(did)
      if (chosen !== undefined) return chosen
      return everything || flagged.has(did) || claims?.some((claim) => isOwners(claim)) === true
    },
    label: () => label,
    isNamed,
    isRemoved,
    named(after, limit) {
      const all = [...flagged, ...choices.repo.keys()].filter((did) => did > after && isNamed(did))
      return [...new Set(all)].toSorted().slice(0, limit)
    },
    countNamed() {
      let count = flagged.size
      for (const [did, isWantedNow] of choices.repo) {
        if (isWantedNow && !flagged.has(did)) count++
        if (!isWantedNow && flagged.has(did)) count--
      }
      return count
    },
    chosen(kind) {
      const values = [...choices[kind].values()]
      const added = values.filter(Boolean).length
      return { added, removed: values.length - added }
    },
    async choose(kind, names, wanted) {
      if (kind === 'repo') {
        await db.write(() => {
          store(kind, names, wanted)
          const change = wanted
            ? db.prepare("DELETE FROM removals WHERE kind = 'repo' AND name = ?")
            : db.prepare("INSERT OR REPLACE INTO removals (kind, name, position) VALUES ('repo', ?, 0)")
          for (const name of names) change.run(name)
        })
        for (const name of names) choices.repo.set(name, wanted)
        return
      }
      const chosen = new Map([...choices.collection, ...names.map((name) => [name, wanted] as const)])
      const next = combine(chosen)
      const name = await db.write(() => {
        store(kind, names, wanted)
        return note(next)
      })
      choices.collection = chosen
      take(next, name)
    },
  }
}

/** What is wanted, for the status: changes of collections and repos while it ran are counted together. */
export function describeWanted(wanted: Wanted): {
  readonly everything: boolean
  readonly collections: readonly string[] | null
  readonly signal: string | null
  readonly named: number
  readonly chosen: { readonly added: number; readonly removed: number }
} {
  const [collections, repos] = [wanted.chosen('collection'), wanted.chosen('repo')]
  return {
    everything: wanted.everything,
    collections: wanted.collections(),
    signal: wanted.signal,
    named: wanted.countNamed(),
    chosen: { added: collections.added + repos.added, removed: collections.removed + repos.removed },
  }
}
