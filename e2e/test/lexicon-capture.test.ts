// The records of a real relay and of a real repository, each with its verdict.
import { readCar } from '@avocet/car'
import { decode } from '@avocet/cbor'
import { CidMap, parseCid, type CID, type DataObject } from '@avocet/data'
import { catalog } from '@avocet/lexicons/catalog'
import { readFixture, readFixtureText } from '@avocet/testing'
import { decodeFrame } from '@avocet/xrpc'
import { zstdDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'

const frames = await readFixture('relay-capture/frames.bin.zst')
const repo = await readFixture('relay-capture/repo.car')
const list = await readFixtureText('relay-capture/car_expected_records.tsv')

/** `valid`, or every issue: its path and code. */
function verdict(path: string, record: unknown): string {
  const [collection, rkey] = path.split('/') as [string, string]
  const result = catalog.validateRecord(record, { rkey })
  if ((record as { $type?: unknown }).$type !== collection) return 'another $type than its collection'
  return result.ok ? 'valid' : result.issues.map((issue) => `${issue.path} ${issue.code}`).join(', ')
}

function count(rows: readonly [string, string][]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [path, said] of rows) {
    const key = `${path.split('/')[0]}: ${said}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

describe.skipIf(!frames)('the capture of a relay', () => {
  test('150 frames: every message fits the lexicon of the stream, every record has its verdict', () => {
    const bytes = zstdDecompressSync(frames!)
    const subscription = catalog.method('com.atproto.sync.subscribeRepos')!
    if (subscription.type !== 'subscription') throw new Error(subscription.type)
    const rows: [string, string][] = []
    let messages = 0
    for (let at = 0; at < bytes.length;) {
      const length = bytes.readUInt32LE(at)
      const frame = decodeFrame(bytes.subarray(at + 4, at + 4 + length))
      at += 4 + length
      if (!frame.ok || frame.value.kind !== 'message') throw new Error('not a message')
      const { type, body } = frame.value
      const message = { ...body, $type: `com.atproto.sync.subscribeRepos${type}` }
      expect(subscription.message!.validate(message, { unknownFields: 'keep' })).toMatchObject({ ok: true })
      messages += 1
      if (type !== '#commit') continue
      const { ops, blocks } = body as {
        ops: { path: string; cid: CID | null }[]
        blocks: Uint8Array
      } & DataObject
      const byCid = new CidMap(readCar(blocks).blocks.map((block) => [block.cid, block.bytes] as const))
      for (const { path, cid } of ops) {
        if (cid !== null) rows.push([path, verdict(path, decode(byCid.get(cid)!))])
      }
    }
    expect(messages).toBe(150)
    expect(count(rows)).toEqual({
      'app.bsky.actor.status: valid': 1,
      'app.bsky.feed.like: valid': 105,
      'app.bsky.feed.post: valid': 17,
      'app.bsky.feed.repost: valid': 15,
      'app.bsky.graph.block: valid': 1,
      'app.bsky.graph.follow: valid': 6,
      // A lexicon of another house, which nobody bundles.
      'fm.teal.alpha.actor.status: /$type unknown-lexicon': 1,
    })
  })
})

describe.skipIf(!repo || !list)('the repository', () => {
  test('every record of it is valid', () => {
    const byCid = new CidMap(readCar(repo!).blocks.map((block) => [block.cid, block.bytes] as const))
    const rows = list!
      .trim()
      .split('\n')
      .map((line): [string, string] => {
        const [path, cid] = line.split('\t') as [string, string]
        return [path, verdict(path, decode(byCid.get(parseCid(cid))!))]
      })
    expect(count(rows)).toEqual({
      'app.bsky.actor.profile: valid': 1,
      'app.bsky.feed.like: valid': 10,
      'app.bsky.feed.post: valid': 6,
      'app.bsky.feed.repost: valid': 3,
      'app.bsky.graph.follow: valid': 3,
    })
  })
})
