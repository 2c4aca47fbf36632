// Killed while it looks for repos, reads them, takes more collections and repos in, and removes others: in the end it is what a new one
// would be. `AVOCET_CRASH=1` for more rounds.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { startCommand, type Run } from './support/command.ts'
import { type Host, post, startHost, type TestAccount } from './support/host.ts'
import { eventually } from './support/indexer.ts'

const ROUNDS = process.env['AVOCET_CRASH'] === '1' ? 40 : 2
const TOKEN = 'correct-horse-battery-staple'
const NOTE = 'com.example.note'
const LIKE = 'com.example.like'
const OTHER = 'com.example.other'
const create = (collection: string, rkey: string) => ({
  action: 'create' as const,
  collection,
  rkey,
  record: { ...post(rkey), $type: collection, subject: 'did:web:a.example' },
})

test(
  `killed ${ROUNDS} times while what is wanted changes`,
  { timeout: 60_000 + ROUNDS * 15_000 },
  async () => {
    await using host: Host = await startHost()
    const folder = mkdtempSync(join(tmpdir(), 'avocet-indexer-'))
    const run = (...flags: string[]): Run =>
      startCommand(
        [
          'run',
          `--source=${host.wsUrl}`,
          `--plc-url=${host.plcUrl}`,
          '--allow-loopback',
          `--data=${folder}`,
          '--port=0',
          '--admin-port=0',
          `--collections=${NOTE}`,
          ...flags,
        ],
        { env: { AVOCET_ADMIN_TOKEN: TOKEN } },
      )
    let running: Run | null = null
    try {
      const accounts: TestAccount[] = []
      for (let i = 0; i < 6; i++) {
        const account = await host.createAccount(`a${i}`)
        accounts.push(account)
        for (const collection of i < 3 ? [NOTE, LIKE] : i < 5 ? [LIKE] : [OTHER]) {
          const writes = Array.from({ length: 150 }, (_, n) => create(collection, `old${n}`))
          await host.write(account, writes, { silent: true })
        }
      }
      const removed = accounts[0]!
      const tell = async (path: string, body: object): Promise<boolean> => {
        const admin = /managed at (\S+)/.exec(running!.output())?.[1]
        const response = await fetch(`${admin}/admin/${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }).catch(() => null)
        await response?.arrayBuffer().catch(() => {})
        return response?.status === 200
      }
      let withLikes = false
      let without = false
      let writes = 0
      for (let round = 0; round < ROUNDS; round++) {
        running = run()
        await running.ready()
        await eventually(() => running!.output().includes('managed at'))
        // The lists are read after two seconds: sometimes before what follows, sometimes in the middle of it.
        await delay((round % 4) * 900)
        const changes = [
          async () => {
            if (await tell(`collections/${withLikes ? 'remove' : 'add'}`, { collections: [LIKE] }))
              withLikes = !withLikes
          },
          async () => {
            if (await tell(`repos/${without ? 'add' : 'remove'}`, { dids: [removed.did] })) without = !without
          },
          async () => {
            for (const account of accounts)
              await host.write(account, [create(account === accounts[5] ? OTHER : NOTE, `new${writes++}`)])
          },
        ]
        await Promise.all(changes)
        for (const change of changes) await change()
        // Killed at once, or when some of it is done.
        await delay((round * 137) % 800)
        await running.kill()
      }
      running = run()
      await running.ready()
      await eventually(() => running!.output().includes('managed at'))
      if (!withLikes) expect(await tell('collections/add', { collections: [LIKE] })).toBe(true)
      if (!without) expect(await tell('repos/remove', { dids: [removed.did] })).toBe(true)

      const expected: string[] = []
      for (const account of accounts) {
        const paths = account === removed ? [] : [...(await host.records(account))]
        for (const [path, cid] of paths)
          if (!path.startsWith(OTHER)) expected.push(`${account.did} ${path} ${cid}`)
      }
      const db = (): DatabaseSync => new DatabaseSync(join(folder, 'indexer.sqlite'), { readOnly: true })
      const { cidFromBytes } = await import('@avocet/data')
      const rows = (): string[] => {
        const open = db()
        try {
          const found = open.prepare('SELECT did, collection, rkey, cid FROM record_list').all()
          return found.map(
            (row) =>
              `${row['did']} ${row['collection']}/${row['rkey']} ${String(cidFromBytes(row['cid'] as Uint8Array))}`,
          )
        } finally {
          open.close()
        }
      }
      await eventually(() => rows().length === expected.length, 60_000).catch(() => {})
      expect(rows().toSorted()).toEqual(expected.toSorted())
      const open = db()
      const count = (sql: string): number => Number(open.prepare(sql).get()?.['n'])
      try {
        await eventually(() => count('SELECT count(*) AS n FROM removals') === 0)
        // One of its links for each record, and none that no record has.
        expect(count('SELECT count(*) AS n FROM links WHERE record NOT IN (SELECT id FROM records)')).toBe(0)
        expect(count('SELECT count(*) AS n FROM links')).toBe(expected.length)
        expect(count('SELECT records AS n FROM totals')).toBe(expected.length)
        // Nothing of who has nothing of it, and nothing of who was removed.
        expect(count('SELECT count(*) AS n FROM repos')).toBe(4)
      } finally {
        open.close()
      }
    } finally {
      await running?.kill()
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
