// Histories of links: applied to the tables, and folded in memory, so that the answers to questions can be compared.

import type { DataObject } from '@avocet/data'
import type { Random } from '@avocet/testing'
import type { Did } from '@avocet/syntax'
import { opOf, type Tables } from './tables.ts'

export const COLLECTION = 'com.example.item'
export const SUBJECTS = [
  'did:plc:subject',
  'at://did:plc:subject/com.example.thing/1',
  'https://example.com/page?q=%2F#part',
] as const
const OTHERS = [
  ...Array.from({ length: 4 }, (_, i) => `at://did:plc:owner/com.example.list/${i}`),
  'https://example.com/list',
  'mood:happy',
]
/** The same things in other words. */
const OTHER_WORDS = new Map<string, readonly string[]>([
  [SUBJECTS[1], ['AT://did:plc:subject/com.example.thing/1/', 'at://did:plc:subject/com.example.thing/%31']],
  [SUBJECTS[2], ['HTTPS://Example.com/./page?q=%2f#part', 'https://example.com:/a/../page?%71=%2F#part']],
  [OTHERS[4]!, ['https://EXAMPLE.com/l%69st']],
])
export const DIDS = Array.from({ length: 5 }, (_, i) => `did:plc:account${i}` as Did)

const byKind = (a: string, b: string): number => Number(b.startsWith('at:')) - Number(a.startsWith('at:'))

/** A record as it stands, in the order of rows. */
export type Item = { readonly did: Did; readonly rkey: string; subject: string; others: readonly string[] }

/** What happens to accounts and their records, at random: `items` is what is left. */
export type LinkHistory = {
  readonly items: Item[]
  /** DIDs that are off. */
  readonly off: Set<Did>
  step(): Promise<void>
}

export function createLinkHistory(tables: Tables, random: Random): LinkHistory {
  const items: Item[] = []
  const off = new Set<Did>()
  let next = 0
  const newItem = (did: Did, rkey: string): Item => ({
    did,
    rkey,
    subject: random.pick(SUBJECTS),
    // Of a record, links to records come first.
    others: Array.from({ length: random.below(4) }, () => random.pick(OTHERS)).toSorted(byKind),
  })
  const said = (target: string): string => random.pick([target, ...(OTHER_WORDS.get(target) ?? [])])
  const recordOf = ({ subject, others }: Item): DataObject => ({
    $type: COLLECTION,
    subject: said(subject),
    lists: others.toSorted((a, b) => byKind(b, a)).map((list) => ({ list: said(list) })),
    // So that there is room for all its links.
    pad: 'x'.repeat(200),
  })
  const active = (): Did[] => DIDS.filter((did) => !off.has(did))
  const remove = (did: Did, some: readonly Item[]): void => {
    for (const item of some) items.splice(items.indexOf(item), 1)
    tables.commit(
      did,
      some.map(({ rkey }) => opOf('delete', `${COLLECTION}/${rkey}`, null)),
    )
  }
  const someOf = (did: Did, most: number): Item[] => {
    const own = items.filter((item) => item.did === did)
    const from = random.below(own.length + 1)
    return own.slice(from, from + 1 + random.below(most))
  }

  return {
    items,
    off,
    async step() {
      const did = active().length === 0 ? null : random.pick(active())
      const kind = random.below(12)
      if (kind < 6 && did !== null) {
        const made = Array.from({ length: 1 + random.below(60) }, () => newItem(did, `k${next++}`))
        items.push(...made)
        const ops = made.map((item) => opOf('create', `${COLLECTION}/${item.rkey}`, recordOf(item)))
        if (random.below(2) === 0) tables.commit(did, ops)
        else tables.resync(did, ops)
      } else if (kind < 8 && did !== null) remove(did, someOf(did, 60))
      else if (kind < 9 && did !== null) {
        const some = someOf(did, 20)
        for (const item of some) Object.assign(item, newItem(did, item.rkey))
        tables.commit(
          did,
          some.map((item) => opOf('update', `${COLLECTION}/${item.rkey}`, recordOf(item))),
        )
      } else if (kind < 10) {
        const other = random.pick(DIDS)
        if (off.has(other)) off.delete(other)
        else off.add(other)
        tables.account(other, off.has(other) ? 'deactivated' : null)
      } else if (kind < 11 && did !== null && random.below(3) === 0) {
        tables.account(did, 'deleted')
        await tables.applier.purgeDeleted(new AbortController().signal)
        tables.account(did, null)
        for (const item of items.filter((one) => one.did === did)) items.splice(items.indexOf(item), 1)
      }
    },
  }
}
