// Frames made to be costly: commits of costly records, envelopes that swell, and frames with a few wrong bytes.

import { encode } from '@avocet/cbor'
import { type CID, cidForCbor, type DataObject } from '@avocet/data'
import { frameOf, largePost, listOf, mapOf, nested, textOf, wrap } from '@avocet/firehose/conformance'
import { currentDatetime } from '@avocet/syntax'
import { mutate, type Random } from '@avocet/testing'
import { type Account, type Accounts, carOf, signTree } from './accounts.ts'
import { shape, sizeOf } from './shapes.ts'

/** Frames of one group: so many, or so many bytes. */
const MAX_FRAMES = 512
const MAX_BYTES = 1_000_000
const MAX_BLOCKS = 2_000_000
/** Trees are built anew for each commit: an account that has more is left alone. */
const MAX_RECORDS = 60

type Frame = { readonly bytes: Uint8Array; readonly isHonest: boolean }

/** Makes the frames of a group, the last of them honest, with seqs from `seq`. */
export async function makeFrames(accounts: Accounts, random: Random, seq: number): Promise<Frame[]> {
  const frames: Frame[] = []
  let bytes = 0
  let current: Account[] = []
  const account = (): Account => {
    current = current.filter(({ records }) => records.size < MAX_RECORDS)
    if (current.length < 4) current.push(accounts.add())
    return random.pick(current)
  }
  while (frames.length < MAX_FRAMES - 1 && bytes < MAX_BYTES) {
    const made = await makeFrame(account, random, seq + frames.length)
    frames.push({ bytes: made, isHonest: false })
    bytes += made.length
  }
  const last = accounts.add()
  const honest = await commitOf(last, [
    ['app.bsky.feed.post/honest', encode({ $type: 'app.bsky.feed.post' }).slice()],
  ])
  frames.push({ bytes: frameOf('#commit', honest, seq + frames.length).slice(), isHonest: true })
  return frames
}

const EMPTY_LIST = Uint8Array.of(0x80)
const SMALL_MAP = Uint8Array.of(0xa1, 0x61, 0x61, 0x00)

/** Records that are known to cost most, some of as many values as are read and some of many more. */
const WORST: readonly (readonly [collection: string, record: () => Uint8Array])[] = [
  ['com.example.costly', () => wrap(listOf(990_000, EMPTY_LIST))],
  ['com.example.costly', () => wrap(listOf(49_990, EMPTY_LIST))],
  ['com.example.costly', () => wrap(listOf(240_000, SMALL_MAP))],
  ['com.example.costly', () => wrap(mapOf(99_999))],
  ['com.example.costly', () => wrap(mapOf(24_990))],
  ['com.example.costly', () => wrap(listOf(3900, nested(250)))],
  ['com.example.costly', () => wrap(textOf(990_000, 1))],
  ['app.bsky.feed.post', () => largePost(2500)],
]

/** Commits of these, each record at two hundred paths, and two of them in one commit. */
export async function makeWorstFrames(accounts: Accounts, seq: number): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  const add = async (...records: (readonly [collection: string, bytes: Uint8Array])[]): Promise<void> => {
    const writes = Array.from({ length: 200 }, (_, i) => {
      const [kind, bytes] = records[i % records.length]!
      return [`${kind}/k${i}`, bytes] as const
    })
    const body = await commitOf(accounts.add(), writes)
    frames.push(frameOf('#commit', body, seq + frames.length).slice())
  }
  const made = WORST.map(([kind, record]) => [kind, record()] as const)
  for (const one of made) await add(one)
  await add(made[1]!, made[4]!)
  await add(made[0]!, [WORST[0]![0], wrap(listOf(989_999, EMPTY_LIST))])
  return frames
}

async function makeFrame(account: () => Account, random: Random, seq: number): Promise<Uint8Array> {
  const kind = random.below(100)
  if (kind < 85) {
    const { body, isApplied } = await costlyCommit(account(), random)
    const frame = frameOf('#commit', body, seq).slice()
    // What is damaged is refused, and the account does not follow any more.
    if (kind < 75 || !isApplied) return frame
    return mutate(random, frame)
  }
  if (kind < 87) return swollenFrame(random)
  if (kind < 90)
    return frameOf(
      '#commit',
      { ...(await costlyCommit(account(), random)).body, ...swollen(random) },
      seq,
    ).slice()
  const time = currentDatetime()
  const { did } = account()
  const text = random.pick(['x', '\u0001', '👩‍👩‍👧‍👦']).repeat(sizeOf(random))
  switch (random.below(4)) {
    case 0:
      return frameOf('#identity', { did, time, handle: text, ...swollen(random) }, seq).slice()
    case 1:
      return frameOf('#account', { did, time, active: true, status: text, ...swollen(random) }, seq).slice()
    case 2:
      return frameOf('#info', { name: text, message: text, ...swollen(random) }, seq).slice()
    default: {
      const { blocks, rev } = (await costlyCommit(account(), random)).body
      return frameOf(
        '#sync',
        { did, rev: rev!, time, blocks: (blocks as Uint8Array).subarray(0, 10_001) },
        seq,
      ).slice()
    }
  }
}

/** A field nobody knows. */
function swollen(random: Random): DataObject {
  const size = sizeOf(random) >> 2
  return {
    unknown: random.pick([
      '\u0001'.repeat(size),
      random.bytes(size % 4096),
      Array.from({ length: size % 9000 }, () => []),
    ]),
  }
}

/** A frame of which nothing but one value is there, as large as a frame may be, and a little larger. */
function swollenFrame(random: Random): Uint8Array {
  const size =
    random.below(60) === 0 ? random.pick([99_990, 100_001, 4_900_000, 5_000_001]) : sizeOf(random) >> 2
  const value = random.pick([
    () => listOf(size, Uint8Array.of(0x80)),
    () => textOf(size, random.pick([1, 0x41, 0xff])),
    () => nested(Math.max(2, size % 70_000)),
    () => mapOf(Math.max(1, Math.min(99_999, size >> 3))),
  ])()
  return Buffer.concat([
    encode({ op: 1, t: random.pick(['#commit', '#sync', '#info', '#new']) }),
    wrap(value),
  ])
}

/** A commit of some costly records, whole and signed; some are of a kind that is refused. */
async function costlyCommit(
  account: Account,
  random: Random,
): Promise<{ body: DataObject; isApplied: boolean }> {
  const size = sizeOf(random)
  const count = size > 100_000 ? random.pick([1, 2, 200]) : random.pick([1, 1, 1, 1, 2, 3, 20])
  const writes: (readonly [path: string, bytes: Uint8Array | null])[] = []
  const isRepeat = count > 3 || random.below(4) === 0
  let made = shape(size, random)
  let bytes = 0
  for (let i = 0; i < count; i++) {
    if (!isRepeat && i > 0) made = shape(size, random)
    bytes += isRepeat && i > 0 ? 0 : made.bytes.length
    if (bytes > MAX_BLOCKS - 200_000) break
    writes.push([`${collection(made.collection, random)}/${rkey(i, count, random)}`, made.bytes])
  }
  const [known] = account.records.keys()
  if (known !== undefined && random.below(4) === 0)
    writes.push([known, random.below(2) === 0 ? null : made.bytes])
  const extra = random.below(20) === 0 ? extraBlocks(random) : []
  const body = await commitOf(account, dedupe(writes), extra, random.below(4) === 0 ? random : null)
  return { body, isApplied: true }
}

const dedupe = <T>(writes: readonly (readonly [string, T])[]): (readonly [string, T])[] => [
  ...new Map(writes),
]

/** Mostly the one that is meant; some of names as long as may be. */
function collection(meant: string, random: Random): string {
  if (random.below(20) > 0) return meant
  return `com.${'e'.repeat(60)}.${'f'.repeat(60)}.${'g'.repeat(1 + random.below(60))}.n${'h'.repeat(random.below(60))}`
}

function rkey(i: number, count: number, random: Random): string {
  const key = `${random.below(1e9).toString(36)}${i}`
  return random.below(20) === 0 && count < 50 ? `${'k'.repeat(random.pick([100, 490]))}${key}` : key
}

function extraBlocks(random: Random): Uint8Array[] {
  const count = random.pick([1, 10, 300])
  return Array.from({ length: count }, (_, i) => Uint8Array.of(0x1a, random.below(256), i >> 16, i >> 8, i))
}

/** The body of a `#commit`: applied to the account, which goes on from there. Null deletes. */
async function commitOf(
  account: Account,
  writes: readonly (readonly [path: string, bytes: Uint8Array | null])[],
  extra: readonly Uint8Array[] = [],
  shuffle: Random | null = null,
): Promise<DataObject> {
  const { did, rev: since, data: prevData, records } = account
  const cids = new Map<Uint8Array, CID>()
  const ops = writes.map(([path, bytes]) => {
    const prev = records.get(path)
    let cid: CID | null = null
    if (bytes !== null) {
      cid = cids.get(bytes) ?? cidForCbor(bytes)
      cids.set(bytes, cid)
    }
    if (cid === null) records.delete(path)
    else records.set(path, cid)
    const action = cid === null ? 'delete' : prev === undefined ? 'create' : 'update'
    return { action, path, cid, ...(prev === undefined ? {} : { prev }) }
  })
  const signed = await signTree(account)
  account.rev = signed.rev
  account.data = signed.data
  const blocks = [
    [signed.cid, signed.bytes] as const,
    ...signed.nodes,
    ...[...cids].map(([bytes, cid]) => [cid, bytes] as const),
    ...extra.map((bytes) => [cidForCbor(bytes), bytes] as const),
  ]
  return {
    rebase: false,
    tooBig: false,
    repo: did,
    commit: signed.cid,
    rev: signed.rev,
    since,
    ...(prevData === null ? {} : { prevData }),
    blocks: carOf(signed.cid, blocks, shuffle),
    ops,
    blobs: [],
    time: currentDatetime(),
  }
}
