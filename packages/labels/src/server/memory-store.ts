import { isInForce } from '../label-set.ts'
import { versionOf, type LabelStore, type Statement, type StoredLabel } from './store.ts'

/** Options of {@link createMemoryLabelStore}. */
export interface MemoryLabelStoreOptions {
  /** Clock, milliseconds since the epoch. */
  readonly now?: () => number
}

interface Entry {
  readonly time: number
  readonly stored: StoredLabel
}

/** A store that keeps nothing: for tests, and for small labelers whose labels follow from something else. A query looks at every label. */
export function createMemoryLabelStore(options: MemoryLabelStoreOptions = {}): LabelStore {
  const now = options.now ?? Date.now
  const listeners = new Set<() => void>()
  const slots = new Map<string, number>()
  // By seq. What was taken out leaves a hole, until there are too many.
  let entries: (Entry | null)[] = []
  let seqs: number[] = []
  let holes = 0
  let newest = 0
  let oldest = 1

  const indexAfter = (seq: number): number => {
    let low = 0
    let high = seqs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (seqs[middle]! > seq) high = middle
      else low = middle + 1
    }
    return low
  }

  const entryAt = (seq: number): { index: number; entry: Entry } | null => {
    const index = indexAfter(seq - 1)
    const entry = entries[index]
    return entry?.stored.seq === seq ? { index, entry } : null
  }

  const remove = (seq: number): void => {
    const found = entryAt(seq)
    if (found === null) return
    entries[found.index] = null
    holes++
    if (holes < 1024 || holes * 2 < entries.length) return
    entries = entries.filter((entry) => entry !== null)
    seqs = entries.map((entry) => entry!.stored.seq)
    holes = 0
  }

  const append = ({ label, key }: Statement): number => {
    const slot = slotOf(label)
    const before = slots.get(slot)
    if (before !== undefined) remove(before)
    const seq = ++newest
    slots.set(slot, seq)
    entries.push({ time: now(), stored: { seq, label, key } })
    seqs.push(seq)
    return seq
  }

  const trim = (olderThan: number, at: number, limit: number): number[] => {
    const gone: StoredLabel[] = []
    for (const entry of entries) {
      if (entry === null) continue
      if (entry.time >= olderThan) break
      const { stored } = entry
      oldest = Math.max(oldest, stored.seq + 1)
      if (gone.length < limit && !isInForce(stored.label, at)) gone.push(stored)
    }
    for (const { seq, label } of gone) {
      slots.delete(slotOf(label))
      remove(seq)
    }
    return gone.map(({ seq }) => seq)
  }

  return {
    async write(change) {
      if ('append' in change) {
        const given = change.append.map(append)
        if (given.length > 0) for (const listener of listeners) listener()
        return given
      }
      if ('trim' in change) return trim(change.trim.olderThan, change.trim.at, change.trim.limit)
      const signed: number[] = []
      for (const { seq, sig, key } of change.sign) {
        const found = entryAt(seq)
        if (found === null) continue
        const { time, stored } = found.entry
        entries[found.index] = { time, stored: { seq, key, label: { ...stored.label, sig } } }
        signed.push(seq)
      }
      return signed
    },

    read(after, count) {
      const page: StoredLabel[] = []
      for (let i = indexAfter(Math.max(after, oldest - 1)); i < entries.length && page.length < count; i++) {
        const entry = entries[i]
        if (entry != null) page.push(entry.stored)
      }
      return page
    },

    find({ uris, prefixes, after, limit }) {
      const exact = new Set<string>(uris)
      const labels: StoredLabel[] = []
      for (let i = indexAfter(after); i < entries.length; i++) {
        const entry = entries[i]
        if (entry == null) continue
        const { uri } = entry.stored.label
        if (!exact.has(uri) && !prefixes.some((prefix) => uri.startsWith(prefix))) continue
        if (labels.length === limit) return { labels, next: labels.at(-1)?.seq ?? after }
        labels.push(entry.stored)
      }
      return { labels, next: null }
    },

    bounds: () => ({ oldest, newest }),

    watch(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}

/** What there is one statement about at most. */
function slotOf(label: Statement['label']): string {
  return `${label.src} ${versionOf(label)} ${label.uri} ${label.val}`
}
