// What was said is there after a kill and after a disk that failed; what was not is never told.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openDatabase, type Disk } from '@avocet/sqlite'
import { crashRounds, runAndKill } from '@avocet/testing/kill'
import { createRouter } from '@avocet/xrpc-server'
import { expect, test } from 'vitest'

import { createLabeler, queryLabels } from '../src/server/index.ts'
import { openLabelStore } from '../src/sqlite/index.ts'
import { keypair, LABELER, POST } from './support.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const eio = (): Error => Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })

test('a label that the disk refused is not told, nor said to be there; after a restart numbers go on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-labels-'))
  const path = join(folder, 'labels.db')
  const pending: ((error: Error | null) => void)[] = []
  const state = { isHeld: false }
  const disk: Disk = {
    fdatasync: (_fd, callback) => void (state.isHeld ? pending.push(callback) : setImmediate(callback, null)),
    fdatasyncSync: () => {},
  }
  const db = openDatabase({ path, disk })
  const labeler = createLabeler({ did: LABELER, signer: keypair, store: openLabelStore(db) })
  const stop = new AbortController()
  const seen: (number | null)[] = []
  const reading = (async () => {
    for await (const { seq } of labeler.events(0, stop.signal)) seen.push(seq)
  })()
  await labeler.create({ uri: POST, val: 'a' })
  state.isHeld = true
  const refused = labeler.create({ uri: POST, val: 'b' })
  const outcome = refused.then(
    () => 'said',
    (error: { code?: string }) => error.code,
  )
  for (let i = 0; i < 50 && pending.length === 0; i++) await turn()
  await turn()
  expect([await labeler.newest(), seen, pending.length]).toEqual([1, [1], 1])
  // An answer may have it; its cursor may not, since the number may be given to another.
  const router = createRouter()
  queryLabels(router, labeler)
  const url = `http://127.0.0.1/xrpc/com.atproto.label.queryLabels?uriPatterns=${encodeURIComponent(POST)}`
  const answer = (await (await router.fetch(new Request(url))).json()) as { cursor: string; labels: object[] }
  expect([answer.cursor, answer.labels.length]).toEqual(['1', 2])
  pending[0]!(eio())
  expect(await outcome).toBe('sync-failed')
  await turn()
  expect([await labeler.newest(), seen]).toEqual([1, [1]])
  await expect(labeler.create({ uri: POST, val: 'c' })).rejects.toMatchObject({ code: 'sync-failed' })
  stop.abort()
  await reading
  await labeler.close()
  expect(() => db.close()).toThrow(expect.objectContaining({ code: 'sync-failed' }))

  using again = openDatabase({ path })
  await using reopened = createLabeler({ did: LABELER, signer: keypair, store: openLabelStore(again) })
  const [next] = await reopened.create({ uri: POST, val: 'd' })
  const kept = await reopened.find({ uris: [POST], prefixes: [], after: 0, limit: 10 })
  const seqs = kept.labels.map(({ seq }) => seq)
  // What failed may be there or not: with one number, below those that follow.
  expect(seqs).toEqual(Array.from({ length: next!.seq }, (_, i) => i + 1))
  rmSync(folder, { recursive: true })
})

test('kills at any instant: what was acknowledged is there, and no number is given twice', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-labels-'))
  const path = join(folder, 'labels.db')
  const said = new Map<number, string>()
  for (let round = 0; round < crashRounds(4); round++) {
    const { lines } = await runAndKill(
      join(import.meta.dirname, 'crash-labeler.ts'),
      [path, String(round)],
      60,
    )
    for (const line of lines) {
      const [seq, text] = line.split(' ', 2) as [string, string]
      // The same number stands for the same label, whoever says so.
      expect(said.get(Number(seq)) ?? text).toBe(text)
      said.set(Number(seq), text)
    }
    using db = openDatabase({ path })
    const store = openLabelStore(db)
    const kept = new Map((await store.read(0, 1_000_000)).map(({ seq, label }) => [seq, label]))
    const newest = new Map<string, number>()
    for (const [seq, text] of said)
      newest.set(text.split(':')[0]!, Math.max(seq, newest.get(text.split(':')[0]!) ?? 0))
    for (const [val, seq] of newest) {
      const later = [...kept].find(([, label]) => label.val === val)
      // The one that was acknowledged, or one after it that was not any more.
      expect(later![0]).toBeGreaterThanOrEqual(seq)
    }
    expect((await store.bounds()).newest).toBeGreaterThanOrEqual(Math.max(...said.keys()))
  }
  expect(said.size).toBeGreaterThan(0)
  rmSync(folder, { recursive: true })
})
