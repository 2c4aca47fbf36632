// Webhooks that begin with the whole index: a receiver that folds what it is sent has the index, whatever is written meanwhile.

import type { Did } from '@avocet/syntax'
import type { GroupStart } from '@avocet/tap'
import { parseTapEvent } from '@avocet/tap/wire'
import { setImmediate as turn } from 'node:timers/promises'
import { createRandom } from '@avocet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSnapshotReader, isOfSnapshot } from '../src/delivery/snapshot.ts'
import { createPlaceStore } from '../src/delivery/store.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createHub, type Hub } from '../src/stream/hub.ts'
import { createLogReader, type LogReader } from '../src/stream/log-reader.ts'
import { tapText } from '../src/tap/event.ts'
import { startWebhooks, type Webhooks } from '../src/webhooks/webhooks.ts'
import type { WebhookConfig } from '../src/webhooks/settings.ts'
import { eventually } from './support/indexer.ts'
import { type Receiver, startReceiver } from './support/receiver.ts'
import { opOf, openTables, type Tables } from './support/tables.ts'

const DIDS = Array.from({ length: 10 }, (_, i) => `did:plc:${'abcdefghij'[i]!.repeat(24)}` as Did)
const NOTE = 'com.example.note'

let tables: Tables
let log: LogReader
let hub: Hub
let webhooks: Webhooks
let receiver: Receiver
/** Path → number that its record says, of all that is indexed. */
let there: Map<string, number>
let off: Map<string, string>
let count: number
beforeEach(async () => {
  tables = openTables()
  log = createLogReader(tables.db)
  hub = createHub(log)
  there = new Map()
  off = new Map()
  count = 0
  receiver = await startReceiver()
})
afterEach(async () => {
  await webhooks.stop()
  await receiver[Symbol.asyncDispose]()
  hub.close()
  tables[Symbol.dispose]()
})

const start = async (options: Partial<WebhookConfig> & { readonly start: GroupStart }): Promise<void> => {
  const records = createRecordReader(tables.db)
  const parts = {
    hub,
    log,
    store: createPlaceStore(tables.db, Date.now),
    snapshots: createSnapshotReader(tables.db, Date.now),
    now: Date.now,
    onLog: () => {},
    onError: (error: unknown) => expect.fail(String(error)),
  }
  const hook = { name: 'a', url: receiver.url, allowLoopback: true, ...options }
  webhooks = await startWebhooks(parts, [hook], (value) => tapText(value, (did) => records.account(did)))
}
const drained = (): Promise<unknown> =>
  eventually(() => {
    const { snapshot, behind, unacked } = webhooks.stats()[0]!
    return snapshot === null && behind === 0 && unacked === 0
  }, 20_000)

const change = (did: Did, rkey: string, gone = false): void => {
  const key = `${did}/${rkey}`
  const action = gone ? 'delete' : there.has(key) ? 'update' : 'create'
  tables.commit(did, [opOf(action, `${NOTE}/${rkey}`, gone ? null : { $type: NOTE, n: ++count })])
  if (gone) there.delete(key)
  else there.set(key, count)
}
const setStatus = (did: Did, status: string | null): void => {
  // Each with a number of its own: one with the number of another is taken for that, sent again.
  tables.account(did, status, { seq: ++count })
  if (status === null) off.delete(did)
  else off.set(did, status)
}
const fill = (did: Did, records: number): void => {
  const ops = Array.from({ length: records }, (_, i) => {
    there.set(`${did}/k${i}`, ++count)
    return opOf('create', `${NOTE}/k${i}`, { $type: NOTE, n: count })
  })
  tables.resync(did, ops)
}
/** What happened long ago is in the log no more. */
const trim = (): void => {
  tables.db.prepare('DELETE FROM log_rows WHERE seq < ?').run(log.newest())
}

/** What a receiver makes of the requests that it took: records, and accounts that are off. */
const folded = (): { records: Map<string, number>; off: Map<string, string>; odd: string[] } => {
  const records = new Map<string, number>()
  const statuses = new Map<string, string>()
  const odd: string[] = []
  const taken = new Set<string>()
  for (const { json } of receiver.requests.filter((request) => !refused.has(request))) {
    const events = json.events as Record<string, any>[]
    const ofSnapshot = events.map(({ seq }) => isOfSnapshot(seq))
    if (new Set(ofSnapshot).size > 1) odd.push('a snapshot among events of the log')
    if ((json.cursor === null) !== ofSnapshot[0]) odd.push(`cursor ${json.cursor}`)
    for (const event of events) {
      const { $type, seq, did, operation, rkey } = event
      // At least once: what was sent before a stop and is sent again is known by its number.
      if (taken.has(`${seq} ${did}`)) continue
      taken.add(`${seq} ${did}`)
      const kind = String($type).split('#')[1]
      if (kind === 'account' && event['account'].active === true) statuses.delete(did)
      else if (kind === 'account') statuses.set(did, event['account'].status)
      if (kind !== 'commit') continue
      const key = `${did}/${rkey}`
      if (operation === 'delete') records.delete(key)
      else {
        // A snapshot has a record as it is when it is sent; the change that made it so is told after that.
        records.set(key, event['record'].n)
      }
    }
  }
  return { records, off: statuses, odd }
}
const refused = new WeakSet()
const sorted = (map: ReadonlyMap<string, unknown>): unknown[] =>
  [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))

test.each([1, 2])('the fold of a snapshot and what happens beside it is the index, seed %i', async (seed) => {
  const random = createRandom(seed)
  for (const did of DIDS.slice(0, 7)) fill(did, did === DIDS[3] ? 500 : 30)
  setStatus(DIDS[1]!, 'takendown')
  setStatus(DIDS[2]!, 'deactivated')
  trim()
  let requests = 0
  receiver.answer = async (request) => {
    if (random.below(3) === 0) await turn()
    if (++requests % 12 !== 3) return 200
    refused.add(request)
    return 500
  }
  await start({ start: seed === 1 ? 'all' : 'snapshot', maxEvents: 20 })
  for (let step = 0; step < 300; step++) {
    const did = DIDS[random.below(step > 150 ? DIDS.length : 7)]!
    const rkey = `k${random.below(did === DIDS[3] ? 520 : 35)}`
    // Nobody but the snapshot tells of the account that was taken down before.
    if (did !== DIDS[1] && random.below(20) === 0) setStatus(did, random.below(2) === 0 ? null : 'suspended')
    else change(did, rkey, there.has(`${did}/${rkey}`) && random.below(3) === 0)
    if (random.below(4) > 0) hub.committed(log.newest())
    if (random.below(2) === 0) await turn()
    if (step === 150) {
      // In the middle of it a stop, and a start that goes on.
      await webhooks.stop()
      hub.close()
      hub = createHub(log)
      await start({ start: 'live', maxEvents: 20 })
    }
  }
  hub.committed(log.newest())
  await drained()
  const { records, off: statuses, odd } = folded()
  expect(odd).toEqual([])
  expect(sorted(records)).toEqual(sorted(there))
  expect(sorted(statuses)).toEqual(sorted(off))
  expect(receiver.requests.some(({ json }) => json.cursor === null)).toBe(true)
})

test('one that began with the log is given nothing else, and one that began with the index is when it was away', async () => {
  for (const name of ['oldest', 'snapshot'] as const) {
    fill(DIDS[0]!, 3)
    hub.committed(log.newest())
    await start({ name, start: name })
    await drained()
    await webhooks.stop()
    for (let i = 0; i < 4; i++) change(DIDS[0]!, 'k0')
    trim()
    hub.close()
    hub = createHub(log)
    receiver.requests.length = 0
    await start({ name, start: name })
    await drained()
    const snapshot = receiver.requests.filter(({ json }) => json.cursor === null)
    expect([name, snapshot.flatMap(({ json }) => json.events).length]).toEqual([
      name,
      name === 'oldest' ? 0 : 4,
    ])
    expect(webhooks.stats()[0]!.lost).toBe(3)
    await webhooks.stop()
  }
  await start({ name: 'again', start: 'live' })
})

test('an event of Tap a request, with the status of an account that is off in its identity', async () => {
  fill(DIDS[0]!, 2)
  setStatus(DIDS[0]!, 'takendown')
  hub.committed(log.newest())
  await start({ start: 'snapshot', format: 'tap' })
  await drained()
  const events = receiver.requests.map(({ body }) => parseTapEvent(body))
  const types = events.map((parsed) => (parsed.ok ? parsed.value.type : 'none'))
  expect(types.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['identity', 'record', 'record'])
  expect(events).toContainEqual(
    expect.objectContaining({ value: expect.objectContaining({ type: 'identity', status: 'takendown' }) }),
  )
})
