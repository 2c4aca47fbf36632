// The statements of one call to a labeler, before they are signed.
import type { Label } from '../label.ts'
import { versionOf, type StoredLabel } from './store.ts'

/** Statements of one call, before they are signed. */
export interface Draft {
  /** The newest statements about one value of one subject, by version, those of this call among them. */
  about(uri: string, val: string): Promise<readonly Label[]>
  add(label: Label): void
  /** Not said, since it is said already. */
  keep(label: Label): void
  added(): readonly Label[]
  /** What the call gives, each once and in order: what was kept, and the newest of what was added. */
  results(stored: readonly StoredLabel[]): readonly StoredLabel[]
}

/** Makes an empty draft. */
export function createDraft(known: (uri: string, val: string) => Promise<readonly StoredLabel[]>): Draft {
  const groups = new Map<string, Map<string, Label>>()
  const stored = new Map<Label, StoredLabel>()
  const order: Label[] = []
  const added = new Set<Label>()
  const groupOf = async (uri: string, val: string): Promise<Map<string, Label>> => {
    const key = keyOf(uri, val)
    let group = groups.get(key)
    if (group === undefined) {
      const before = await known(uri, val)
      for (const one of before) stored.set(one.label, one)
      group = new Map(before.map(({ label }) => [versionOf(label), label]))
      groups.set(key, group)
    }
    return group
  }
  return {
    about: async (uri, val) => [...(await groupOf(uri, val)).values()],
    add(label) {
      groups.get(keyOf(label.uri, label.val))?.set(versionOf(label), label)
      order.push(label)
      added.add(label)
    },
    keep(label) {
      order.push(label)
    },
    added: () => [...added],
    results(statements) {
      for (const [at, label] of [...added].entries()) stored.set(label, statements[at]!)
      const current = new Set([...groups.values()].flatMap((group) => [...group.values()]))
      return [...new Set(order)].filter((label) => current.has(label)).map((label) => stored.get(label)!)
    },
  }
}

/** A URI has no space; a value may have any. */
const keyOf = (uri: string, val: string): string => `${uri} ${val}`
