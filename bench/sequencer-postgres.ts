// The event log on Postgres: writers that append to one log, beside transactions of the same bytes that know of no order.
import { createSequencer, type NewEvent } from '@avocet/sequencer'
import { openDatabase } from '@avocet/postgres'
import { openEventLog } from '@avocet/sequencer/postgres'
import { startPostgres } from '@avocet/testing/postgres'

import { record, save } from './support/compare.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
/** The size of an average frame of the network: 5.4 kB. */
const event = (n: number): NewEvent => ({
  did,
  type: '#commit',
  body: { repo: did, n, blocks: new Uint8Array(5_300) },
})
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!
const ROUNDS = 5

const server = await startPostgres([])
if (server !== null) {
  await using db = openDatabase({ url: server.url, poolSize: 34 })
  await db.query(
    'CREATE TABLE bare (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, frame bytea NOT NULL)',
  )
  await db.query('ALTER TABLE bare ALTER COLUMN frame SET STORAGE EXTERNAL')
  await using log = await openEventLog(db)
  // Somebody reads along, as relays do.
  await using sequencer = createSequencer({ log, retention: { everyMs: 0 } })
  let read = 0
  const stop = new AbortController()
  const reading = (async () => {
    for await (const { seq } of sequencer.events(undefined, stop.signal)) read = seq ?? read
  })()
  const frame = Buffer.alloc(5_400)
  const bare = (): Promise<unknown> =>
    db.transaction((tx) => tx.query('INSERT INTO bare (frame) VALUES ($1)', [frame]))
  const ordered = (n: number): Promise<number> => db.transaction((tx) => log.append(tx, event(n)))

  for (const writers of [1, 32]) {
    const count = writers === 1 ? 200 : 3_200
    const rate = async (work: (n: number) => Promise<unknown>): Promise<number> => {
      let n = 0
      const start = performance.now()
      const write = async (): Promise<void> => {
        while (n < count) await work(n++)
      }
      await Promise.all(Array.from({ length: writers }, write))
      return (count * 1000) / (performance.now() - start)
    }
    const rates: { bare: number[]; ordered: number[] } = { bare: [], ordered: [] }
    await rate(bare)
    await rate(ordered)
    // One after the other in each round, so that a busy machine is busy for both.
    for (let round = 0; round < ROUNDS; round++) {
      rates.bare.push(await rate(bare))
      rates.ordered.push(await rate(ordered))
    }
    const work = `append events of 5.4 kB on Postgres, durable, ${writers} ${writers === 1 ? 'writer' : 'writers at once'}`
    record(work, { unit: 'events' }, [
      { name: 'avocet', perSecond: median(rates.ordered) },
      { name: 'bare transactions', perSecond: median(rates.bare) },
    ])
  }
  const newest = (await log.bounds()).newest
  const isRead = (): boolean => read >= newest
  while (!isRead()) await new Promise((resolve) => setTimeout(resolve, 10))
  stop.abort()
  await reading
  await sequencer.close()
  await log.close()
  await db.close()
  await server.close()
}
save('sequencer-postgres')
