// Real frames of the live relay: every commit verifies, and what is indexed is what another consumer saw, record for record.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { readFixture, readFixtureText } from '@avocet/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { replay, replayCapture } from '../src/commands/replay.ts'
import { openIndexDatabase } from '../src/database/open.ts'
import { recordJson } from '../src/queries/record-json.ts'
import { createRecordReader } from '../src/queries/records.ts'

const frames = await readFixture('relay-capture/frames.bin.zst')
const documents = await readFixture('relay-capture/did_docs.json.zst')
const otherConsumer = await readFixtureText('relay-capture/expected_v1.jsonl')

type Expected = {
  did: string
  kind: string
  commit: { rev: string; operation: string; collection: string; rkey: string; cid?: string; record?: unknown }
}

describe.skipIf(frames === null)('the relay capture', () => {
  let data: string
  let capture: string
  let didDocs: string
  beforeAll(() => {
    data = mkdtempSync(join(tmpdir(), 'avocet-replay-'))
    capture = join(data, 'frames.bin.zst')
    didDocs = join(data, 'did_docs.json.zst')
    writeFileSync(capture, frames!)
    writeFileSync(didDocs, documents!)
  })
  afterAll(() => rmSync(data, { recursive: true, force: true }))
  const options = { plcUrl: 'http://127.0.0.1:1', collections: null }

  const expected = (): Expected[] =>
    otherConsumer!
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Expected)

  test('148 of 148 commits verify, with 0 failures', async () => {
    const told = vi.fn<(line: string) => void>()
    const summary = await replayCapture({ ...options, frames: capture, didDocs, dataFolder: data }, told)
    // It tells how far it is at each ten thousand operations, and what fails.
    expect(told.mock.calls).toEqual([])
    expect(summary).toMatchObject({
      commits: 148,
      creates: 144,
      updates: 2,
      deletes: 4,
      failures: {},
      // An #identity and an #account of somebody whose document is not in the file.
      identities: 0,
      accounts: 0,
      ignored: { 'account-unknown': 2 },
    })
  })

  test('the indexed operations and records are those of expected_v1.jsonl', () => {
    const db = openIndexDatabase(data)
    try {
      const wanted = expected().filter(({ kind }) => kind === 'commit')
      expect(wanted).toHaveLength(150)
      const logged = db
        .prepare('SELECT did, rev, action, collection, rkey, cid FROM log WHERE action IS NOT NULL')
        .all()
        .map((row) => JSON.stringify({ ...row }))
      expect(logged.toSorted()).toEqual(
        wanted
          .map(({ did, commit: { rev, operation, collection, rkey, cid } }) =>
            JSON.stringify({ did, rev, action: operation, collection, rkey, cid: cid ?? null }),
          )
          .toSorted(),
      )
      for (const { did, commit } of wanted) {
        const row = createRecordReader(db).record(did, commit.collection, commit.rkey)
        if (commit.operation === 'delete') expect(row).toBeNull()
        else {
          expect(row?.cid).toBe(commit.cid)
          const value = recordJson(row!.bytes!, { left: 10_000 })
          expect(value.ok && JSON.parse(value.json)).toEqual(commit.record)
        }
      }
      // What was ignored up to the last moment is counted.
      expect(db.prepare("SELECT count FROM failures WHERE reason = 'account-unknown'").get()).toEqual({
        count: 2,
      })
      expect(db.prepare('SELECT kind, count(*) AS n FROM log GROUP BY kind ORDER BY kind').all()).toEqual([
        { kind: 'record', n: 150 },
      ])
    } finally {
      db.close()
    }
  })

  test('a second replay into the same index changes nothing', async () => {
    const summary = await replayCapture({ ...options, frames: capture, didDocs, dataFolder: data }, null)
    expect(summary).toMatchObject({ commits: 0, creates: 0, records: 0, failures: {} })
    const db = openIndexDatabase(data)
    expect(db.prepare('SELECT count(*) AS n FROM log WHERE action IS NOT NULL').get()).toEqual({ n: 150 })
    db.close()
  })

  test('only the wanted collections are indexed; all is verified', async () => {
    const summary = await replayCapture(
      { ...options, frames: capture, didDocs, dataFolder: null, collections: ['app.bsky.graph.*'] },
      null,
    )
    const follows = expected().filter(({ commit }) => commit?.collection?.startsWith('app.bsky.graph.'))
    expect(summary.commits).toBe(148)
    expect(summary.creates + summary.updates + summary.deletes).toBe(follows.length)
    expect(follows.length).toBeGreaterThan(0)
  })

  test('one flipped bit in a frame is one typed failure, and nothing else is lost', async () => {
    const plain = zstdDecompressSync(frames!)
    // Bytes deep inside the CARs of some commits, found by walking the lengths.
    const places: { at: number; length: number }[] = []
    for (let at = 0; at < plain.length;) {
      const length = plain.readUInt32LE(at)
      places.push({ at: at + 4, length })
      at += 4 + length
    }
    for (const index of [3, 40, 77]) {
      const { at, length } = places[index]!
      const damaged = Buffer.from(plain)
      damaged[at + Math.floor(length / 2)]! ^= 0x04
      const file = join(data, `flipped-${index}.bin`)
      writeFileSync(file, damaged)
      const summary = await replayCapture({ ...options, frames: file, didDocs, dataFolder: null }, null)
      expect(Object.values(summary.failures)).toEqual([1])
      expect(Object.keys(summary.failures)[0]).toMatch(/mismatch|malformed|invalid|missing/)
      expect(summary.commits).toBe(147)
    }
  })

  test('the exit code is 1 when an event failed, not when one was ignored', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => {})
    const run = (file: string): Promise<number> =>
      replay({ ...options, frames: file, didDocs, dataFolder: null, quiet: true, json: true })
    try {
      expect(await run(capture)).toBe(0)
      expect(JSON.parse(print.mock.lastCall![0])).toMatchObject({
        failures: {},
        ignored: { 'account-unknown': 2 },
      })
      expect(await run(join(data, 'flipped-40.bin'))).toBe(1)
      const said = async (file: string): Promise<string> => {
        await replay({ ...options, frames: file, didDocs, dataFolder: null, quiet: true, json: false })
        return print.mock.lastCall![0] as string
      }
      expect(await said(capture)).toMatch(
        /^frames\.bin\.zst: 148 commits verified in [\d.]+ s\n {2}144 creates, 2 updates, 4 deletes\n[^]* {2}ignored account-unknown: 2\n {2}no failures$/,
      )
      expect(await said(join(data, 'flipped-40.bin'))).toMatch(/ {2}FAILED [a-z-]+: 1$/)
    } finally {
      print.mockRestore()
    }
  })

  test('a capture that breaks off is said to be broken', async () => {
    const plain = zstdDecompressSync(frames!)
    const file = join(data, 'short.bin')
    writeFileSync(file, plain.subarray(0, plain.length - 7))
    await expect(
      replayCapture({ ...options, frames: file, didDocs, dataFolder: null }, null),
    ).rejects.toMatchObject({ name: 'IndexerError', code: 'capture' })
    await expect(
      replayCapture({ ...options, frames: join(data, 'none.bin'), didDocs, dataFolder: null }, null),
    ).rejects.toMatchObject({ code: 'capture' })
    await expect(
      replayCapture({ ...options, frames: capture, didDocs: file, dataFolder: null }, null),
    ).rejects.toMatchObject({ code: 'capture' })
  })
})
