// A repository and a minute of the network as they were on the wire.
import { zstdDecompressSync } from 'node:zlib'
import { readCar } from '@avocet/car'
import { decode, decodeFirst } from '@avocet/cbor'
import { parseVerificationMethod } from '@avocet/crypto'
import { type CID, CidMap, formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { readFixture, readFixtureText } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import { readCommit } from '../src/commit.ts'
import { readRepo } from '../src/read.ts'
import type { RepoOp } from '../src/types.ts'
import { invertOps, verifyCommit } from '../src/verify.ts'

const car = await readFixture('relay-capture/repo.car')
const expectedCommit = await readFixtureText('relay-capture/car_expected_commit.txt')
const expectedRecords = await readFixtureText('relay-capture/car_expected_records.tsv')
const frames = await readFixture('relay-capture/frames.bin.zst')
const documents = await readFixture('relay-capture/did_docs.json.zst')

describe.skipIf(car === null || expectedCommit === null || expectedRecords === null)(
  'a real repository',
  () => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(expectedCommit!)![1]!

    it('reads as expected', async () => {
      const reader = await readRepo(car!, { did: field('DID') as Did, unsafeSkipSignature: true })
      expect([reader.did, reader.rev, formatCid(reader.data), reader.prev]).toEqual([
        field('DID'),
        field('Revision'),
        field('Data CID'),
        null,
      ])
      const lines: string[] = []
      for await (const { path, cid } of reader.entries) lines.push(`${path}\t${formatCid(cid)}`)
      expect(lines).toEqual(expectedRecords!.trim().split('\n'))
    })
  },
)

describe.skipIf(frames === null || documents === null)('real commits', () => {
  it('are signed by the keys of their accounts, and their ops lead back to the state before', () => {
    const keys = new Map<string, ReturnType<typeof parseVerificationMethod>>()
    const text = new TextDecoder().decode(zstdDecompressSync(documents!))
    for (const [did, type, key] of findKeys(JSON.parse(text)))
      keys.set(did, parseVerificationMethod(type, key))
    const all = new Uint8Array(zstdDecompressSync(frames!))
    const view = new DataView(all.buffer)
    let commits = 0
    for (let at = 0; at < all.length; at += 4 + view.getUint32(at, true)) {
      const { value, rest } = decodeFirst(all.subarray(at + 4, at + 4 + view.getUint32(at, true)))
      if ((value as { t?: string }).t !== '#commit') continue
      const body = decode(rest) as unknown as {
        repo: Did
        commit: CID
        blocks: Uint8Array
        ops: RepoOp[]
        prevData: CID
      }
      const blocks = new CidMap(readCar(body.blocks).blocks.map(({ cid, bytes }) => [cid, bytes] as const))
      const key = keys.get(body.repo)
      const verified =
        key?.ok === true && verifyCommit({ blocks, commit: body.commit, did: body.repo, key: key.value })
      expect([body.repo, verified && verified.ok]).toEqual([body.repo, true])
      const { data } = readCommit(blocks.get(body.commit)!)
      expect(formatCid(invertOps(blocks, data, body.ops))).toBe(formatCid(body.prevData))
      commits++
    }
    expect(commits).toBe(148)
  })
})

/** DID, type and multibase key of each #atproto method in any shape of JSON that holds DID documents. */
function* findKeys(value: unknown): Generator<[string, string, string]> {
  if (typeof value !== 'object' || value === null) return
  const { id, verificationMethod } = value as { id?: unknown; verificationMethod?: unknown }
  if (typeof id === 'string' && Array.isArray(verificationMethod)) {
    for (const method of verificationMethod as { id: string; type: string; publicKeyMultibase: string }[]) {
      if (method.id.endsWith('#atproto')) yield [id, method.type, method.publicKeyMultibase]
    }
  }
  for (const child of Object.values(value)) yield* findKeys(child)
}
