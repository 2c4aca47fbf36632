// A consumer that is killed, and one whose network is cut, again and again: nothing is lost and nothing comes twice.
// AVOCET_CRASH=1 runs the full size (100 kills).

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatCid } from '@avocet/data'
import { openDatabase } from '@avocet/sqlite'
import { createRandom } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import { serveStream, type StreamServer } from '../src/conformance/server.ts'
import { create, createWorld, frameOf, post, remove, update, type World } from '../src/conformance/world.ts'
import { consume, createMemoryState, relaySource, type VerifiedEvent } from '../src/index.ts'
import { worldResolver } from './support.ts'

const full = process.env['AVOCET_CRASH'] !== undefined
const random = createRandom(7)

/** A stream of so many events of 20 accounts: creates, updates, deletes, and an identity event now and then. */
async function makeStream(world: World, count: number): Promise<{ seq: number; frame: Uint8Array }[]> {
  const accounts = Array.from({ length: 20 }, () => world.createAccount())
  const events: { seq: number; frame: Uint8Array }[] = []
  for (let seq = 1; seq <= count; seq++) {
    const account = random.pick(accounts)
    if (random.below(25) === 0) {
      const { did, handle } = account
      events.push({ seq, frame: frameOf('#identity', { did, handle, time: world.time() }, seq) })
      continue
    }
    const keys = [...account.records.keys()].map((path) => path.slice(path.indexOf('/') + 1))
    const old = keys.length === 0 ? null : random.pick(keys)
    const writes = [create(`k${seq}`)]
    const what = old === null ? 0 : random.below(3)
    if (what === 1) writes.push(remove(old!))
    if (what === 2) writes.push(update(old!, post(`changed ${seq}`)))
    const commit = await world.commit(account, writes)
    events.push({ seq, frame: frameOf('#commit', world.event(commit), seq) })
  }
  return events
}

function contentOf(world: World): string[] {
  return [...world.accounts.values()]
    .flatMap(({ did, records }) => [...records].map(([path, { cid }]) => `${did} ${path} ${formatCid(cid)}`))
    .toSorted()
}

describe('killed', () => {
  it(
    `${full ? 100 : 4} times by SIGKILL: the state in SQLite is that of an undisturbed reader`,
    { timeout: full ? 400_000 : 120_000 },
    async () => {
      const kills = full ? 100 : 4
      const world = createWorld('kill')
      const events = await makeStream(world, full ? 16_000 : 700)
      const writers = new Set([...world.accounts.values()].filter(({ head }) => head !== null)).size
      const server = await serveStream(world)
      for (const event of events) server.send(event)
      const folder = mkdtempSync(join(tmpdir(), 'avocet-crash-'))
      const path = join(folder, 'state.sqlite')
      const start = (): ChildProcess =>
        spawn(
          process.execPath,
          [
            join(import.meta.dirname, 'crash-consumer.ts'),
            path,
            server.service,
            server.plcUrl,
            `${events.length}`,
          ],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        )
      let killedMidway = 0
      for (let i = 0; i < kills; i++) {
        const child = start()
        const exited = once(child, 'exit')
        await Promise.race([once(child.stdout!, 'data'), exited])
        await new Promise((resolve) => setTimeout(resolve, random.below(60)))
        if (child.exitCode === null) killedMidway++
        child.kill('SIGKILL')
        await exited
      }
      const [code] = (await once(start(), 'exit')) as [number]
      expect(code).toBe(0)
      const db = openDatabase({ path })
      const applied = db.prepare('SELECT seq, kind FROM applied ORDER BY seq').all()
      const records = db.prepare('SELECT did, path, cid FROM records').all()
      const heads = db.prepare('SELECT did, status, reason FROM repos').all()
      const cursor = db.prepare('SELECT seq FROM cursors').get()
      db.close()
      await server.close()
      rmSync(folder, { recursive: true })
      console.info(`killed midway: ${killedMidway} of ${kills}; events: ${events.length}`)
      expect(killedMidway).toBeGreaterThan(kills / 2)
      expect(applied.map((row) => row['seq'])).toEqual(events.map(({ seq }) => seq))
      expect(applied.filter((row) => row['kind'] === 'failure')).toEqual([])
      expect(records.map((row) => `${row['did']} ${row['path']} ${row['cid']}`).toSorted()).toEqual(
        contentOf(world),
      )
      expect(heads.filter((row) => row['status'] !== 'synchronized')).toEqual([])
      expect(heads.length).toBe(writers)
      expect(cursor?.['seq']).toBe(events.length)
    },
  )
})

describe('cut off', () => {
  it('100 times: nothing lost, nothing twice, in order per account', { timeout: 60_000 }, async () => {
    const world = createWorld('cut')
    const events = await makeStream(world, 1200)
    const server: StreamServer = await serveStream(world)
    const seen: VerifiedEvent[] = []
    const state = createMemoryState()
    const consumer = consume({
      sources: [
        relaySource({ url: server.service, id: 'cut', start: 'oldest', backoff: { minMs: 1, maxMs: 2 } }),
      ],
      resolveKey: worldResolver(world),
      identity: { refreshMs: 0 },
      state,
      onEvent: (event) => void seen.push(event),
    })
    let cuts = 0
    for (const [i, event] of events.entries()) {
      server.send(event)
      if (i % 12 === 11) {
        await server.connected()
        await new Promise((resolve) => setTimeout(resolve, random.below(6)))
        server.cut()
        cuts++
      }
    }
    await expect.poll(() => state.cursors.get('cut')?.seq, { timeout: 20_000 }).toBe(events.length)
    const { reasons } = consumer.stats()
    await consumer.close()
    await server.close()
    expect(cuts).toBe(100)
    expect(seen.map(({ seq }) => seq).toSorted((a, b) => a! - b!)).toEqual(events.map(({ seq }) => seq))
    expect(Object.keys(reasons).filter((reason) => reason !== 'duplicate')).toEqual([])
    const last = new Map<string, number>()
    for (const event of seen) {
      if (!('did' in event) || event.did === null) continue
      expect(event.seq!).toBeGreaterThan(last.get(event.did) ?? 0)
      last.set(event.did, event.seq!)
    }
  })
})
