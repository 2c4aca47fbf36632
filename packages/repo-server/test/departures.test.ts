import { openDatabase } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { expect, test } from 'vitest'

import { openDepartures } from '../src/sqlite/departures.ts'
import { openRepoServerStore } from '../src/sqlite/index.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

test('a departure is not forgotten when another of its DID goes while it is swept up', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { blobs, log } = openRepoServerStore(db)
  let again = false
  const swept: number[] = []
  const watched: typeof log = {
    ...log,
    remove: (what, tx) => {
      if ('before' in what) swept.push(what.before)
      const removed = log.remove(what, tx)
      if (again) {
        again = false
        db.prepare('UPDATE account_removal SET before_seq = 9').run()
      }
      return removed
    },
  }
  const departures = openDepartures(db, blobs, watched)
  await db.write(() => departures.note(DID, 3))
  expect(await departures.forgetBlobs(DID)).toBe(false)
  swept.length = 0
  again = true
  await departures.removeEvents()
  expect(swept).toEqual([3, 9])
  expect(db.prepare('SELECT count(*) AS n FROM account_removal').get()).toEqual({ n: 0 })
})

test('events of a departed repository stay while its blobs are here', async () => {
  using db = openDatabase({ path: ':memory:' })
  const store = openRepoServerStore(db)
  const { upkeep, log } = store
  const event = { did: DID, type: '#account' as const, body: { did: DID, active: false } }
  for (let n = 0; n < 300; n++) await store.apply({ type: 'announcement', did: DID, events: [event] })
  await store.apply({ type: 'removal', did: DID, events: [event] })
  const seqs = (): number[] => log.read(0, { count: 1000, bytes: 1e7 }).map(({ seq }) => seq)
  expect(seqs()).toHaveLength(201)
  await upkeep.sweep()
  expect(seqs()).toHaveLength(201)
  await upkeep.forgetBlobs(DID)
  await upkeep.sweep()
  expect(seqs()).toEqual([301])
})
