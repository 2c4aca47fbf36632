// Real frames of a real relay: all verified, and no bit of them can be changed unnoticed.

import { zstdDecompressSync } from 'node:zlib'
import { decode, decodeFirst, encode } from '@avocet/cbor'
import { type DataObject, formatCid } from '@avocet/data'
import { createRandom, readFixtureText } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import {
  type CommitEvent,
  captureSource,
  consume,
  createMemoryState,
  type FailureEvent,
  readCapture,
  type VerifiedEvent,
  verifyEvent,
} from '../src/index.ts'
import { loadCapture, stateBefore } from './capture-fixture.ts'

const capture = await loadCapture()
const manifest = await readFixtureText('relay-capture/manifest.json')
const NOW = Date.parse('2026-07-04T14:40:00Z')

/** All of an event that must be what the account signed. */
function authenticated(event: CommitEvent): unknown {
  const { did, rev, since, commit, data, prevData, ops, flags } = event
  return {
    did,
    rev,
    since,
    commit: formatCid(commit),
    data: formatCid(data),
    prevData: prevData && formatCid(prevData),
    ops: ops.map(({ action, path, cid, prev, recordBytes }) => [
      action,
      path,
      cid && formatCid(cid),
      prev && formatCid(prev),
      recordBytes && Buffer.from(recordBytes).toString('base64'),
    ]),
    flags,
  }
}

describe.skipIf(capture === null || manifest === null)('a real capture', () => {
  it('verifies every commit, each following what was before it', () => {
    const expected = JSON.parse(manifest!) as Record<string, number>
    const outcomes = capture!.commits.map(({ frame, event, key }) =>
      verifyEvent({ frame, key, repo: stateBefore(event), now: NOW }),
    )
    expect(outcomes.filter(({ outcome }) => outcome !== 'accepted')).toEqual([])
    expect(outcomes).toHaveLength(expected['commit_frames']!)
    const actions = { create: 0, update: 0, delete: 0 }
    for (const { event } of outcomes) {
      if (event?.kind === 'commit') for (const op of event.ops) actions[op.action]++
    }
    const { creates, updates, deletes } = expected
    expect(actions).toEqual({ create: creates, update: updates, delete: deletes })
  })

  it('is read the same from compressed and plain bytes, and through consume', async () => {
    const plain = zstdDecompressSync(capture!.compressed)
    const frames: Uint8Array[] = []
    for await (const frame of readCapture(new Uint8Array(plain))) frames.push(frame)
    expect(frames.map((frame) => frame.length)).toEqual(capture!.frames.map((frame) => frame.length))
    const kinds: Record<string, number> = {}
    const ignored: FailureEvent[] = []
    const consumer = consume({
      sources: [captureSource(capture!.compressed)],
      resolveKey: async (did) => ({ key: capture!.keys.get(did) ?? null, pds: null, handle: null }),
      state: createMemoryState(),
      now: () => NOW,
      onEvent: (event: VerifiedEvent) => {
        kinds[event.kind] = (kinds[event.kind] ?? 0) + 1
      },
      onIgnored: (failure) => ignored.push(failure),
    })
    await consumer.done
    expect(kinds).toEqual({ commit: 148, identity: 1, account: 1 })
    expect(ignored).toEqual([])
  })

  it('no bit of 2 000 random ones can be flipped unnoticed', () => {
    const { commits } = capture!
    const total = commits.reduce((sum, { frame }) => sum + frame.length, 0)
    const random = createRandom(1)
    const refused: Record<string, number> = {}
    const harmless: Record<string, number> = {}
    for (let i = 0; i < 2000; i++) {
      let at = random.below(total)
      const victim = commits.find(({ frame }) => at < frame.length || ((at -= frame.length), false))!
      const { frame, event, key } = victim
      const flipped = frame.slice()
      flipped[at]! ^= 1 << random.below(8)
      const repo = stateBefore(event)
      const verdict = verifyEvent({ frame: flipped, key, repo, now: NOW })
      if (verdict.outcome !== 'accepted') {
        refused[verdict.reason] = (refused[verdict.reason] ?? 0) + 1
        continue
      }
      const original = verifyEvent({ frame, key, repo, now: NOW })
      if (original.event?.kind !== 'commit' || verdict.event.kind !== 'commit') {
        throw new Error('a commit became something else')
      }
      // All that the account signed is the same: what changed is not authenticated by anybody.
      expect(authenticated(verdict.event)).toEqual(authenticated(original.event))
      const field = fieldAt(frame, at)
      harmless[field] = (harmless[field] ?? 0) + 1
    }
    console.info('refused, by reason:', refused)
    console.info('harmless, by field of the envelope:', harmless)
    const count = Object.values(refused).reduce((sum, n) => sum + n, 0)
    expect(count).toBeGreaterThan(1900)
    // seq and time are the server's own word; the rest are deprecated fields that nobody reads.
    for (const field of Object.keys(harmless)) {
      expect(['seq', 'time', 'blobs', 'rebase', 'tooBig']).toContain(field)
    }
  })
})

/** The envelope field whose key or value this byte belongs to. The envelope is canonical: keys by length, then by bytes. */
function fieldAt(frame: Uint8Array, at: number): string {
  const { rest } = decodeFirst(frame)
  const body = decode(rest) as DataObject
  const names = Object.keys(body).toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))
  let end = frame.length - rest.length + 1
  if (at < end) return 'header'
  for (const name of names) {
    end += encode(name).length + encode(body[name]!).length
    if (at < end) return name
  }
  throw new Error('position is behind the frame')
}
