// The event log and its fan-out: what an append costs, what 200 subscribers cost, how fast an old cursor catches up.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSequencer, type NewEvent } from '@avocet/sequencer'
import { openEventLog } from '@avocet/sequencer/sqlite'
import { openDatabase } from '@avocet/sqlite'

import { human, record, save } from './support/compare.ts'

const folder = mkdtempSync(join(tmpdir(), 'avocet-bench-'))
const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
/** The size of an average frame of the network: 5.4 kB. */
const event = (n: number): NewEvent => ({
  did,
  type: '#commit',
  body: { repo: did, n, blocks: new Uint8Array(5_300) },
})
const seconds = (start: number): number => (performance.now() - start) / 1000

// Appends, each durable when it is acknowledged, of writers that share a sync of the disk.
const EVENTS = 20_000
const db = openDatabase({ path: join(folder, 'log.sqlite') })
const log = openEventLog(db)
for (const writers of [1, 64]) {
  const count = writers === 1 ? 300 : EVENTS
  let n = 0
  const start = performance.now()
  const write = async (): Promise<void> => {
    while (n < count) {
      const next = n++
      await db.write(() => log.append(db, event(next)))
    }
  }
  await Promise.all(Array.from({ length: writers }, write))
  const work = `append durable events of 5.4 kB, ${writers} ${writers === 1 ? 'writer' : 'writers at once'}`
  record(work, { unit: 'events' }, [{ name: 'avocet', perSecond: count / seconds(start) }])
}

// An old cursor reads everything there is.
{
  const sequencer = createSequencer({ log, retention: { everyMs: 0 } })
  const total = log.bounds().newest
  const start = performance.now()
  let count = 0
  for await (const { seq } of sequencer.events(0)) {
    count++
    if (seq === total) break
  }
  record('catch up from the oldest event', { unit: 'events' }, [
    { name: 'avocet', perSecond: count / seconds(start) },
  ])
  await sequencer.close()
}

// Many read along: every event is read once and handed to each.
{
  const SUBSCRIBERS = 200
  const sequencer = createSequencer({ log, retention: { everyMs: 0 } })
  const stop = new AbortController()
  let delivered = 0
  const readers = Array.from({ length: SUBSCRIBERS }, async () => {
    for await (const frame of sequencer.events(undefined, stop.signal)) if (frame.seq !== null) delivered++
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  globalThis.gc?.()
  const before = process.memoryUsage()
  const cpu = process.cpuUsage()
  const start = performance.now()
  const RATE = 500
  const DURATION_S = 10
  for (let sent = 0; sent < RATE * DURATION_S;) {
    const due = Math.floor(seconds(start) * RATE)
    const batch: Promise<number>[] = []
    while (sent < due && sent < RATE * DURATION_S) {
      const n = sent++
      batch.push(db.write(() => log.append(db, event(n))))
    }
    await Promise.all(batch)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  const used = process.cpuUsage(cpu)
  globalThis.gc?.()
  const grown = process.memoryUsage().rss - before.rss
  const busy = (used.user + used.system) / 1e6 / seconds(start)
  const expected = SUBSCRIBERS * RATE * DURATION_S
  if (delivered !== expected) throw new Error(`delivered ${delivered} of ${expected}`)
  const { headReads } = sequencer.stats()
  console.log(
    `200 subscribers × 500 events/s for 10 s: all ${human(delivered)} delivered, ${(busy * 100).toFixed(0)} % of a core,` +
      ` ${headReads} reads of the log, memory +${(grown / 1e6).toFixed(1)} MB`,
  )

  delivered = 0
  const fast = performance.now()
  for (let n = 0; n < 5_000; n += 50) {
    await db.write(() => {
      for (let i = 0; i < 50; i++) log.append(db, event(n + i))
    })
  }
  const isDone = (): boolean => delivered >= SUBSCRIBERS * 5_000
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve))
  record('hand events to 200 subscribers, as fast as it goes', { unit: 'deliveries' }, [
    { name: 'avocet', perSecond: delivered / seconds(fast) },
  ])
  stop.abort()
  await Promise.all(readers)
  await sequencer.close()
}

db.close()
rmSync(folder, { recursive: true })
save('sequencer')
