// The whole path as real processes: two accounts write through a PDS that is killed in the middle, an indexer that is killed
// in the middle follows its firehose, and in the end both agree record for record, with no event lost or applied twice.
import { decode, decodeOptions } from '@ipld/dag-cbor'
import { decodeFirst } from 'cborg'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { type Network, procedure, query, startNetwork } from '../support/network.ts'
import { recordTypes, sampleRecord } from '../support/sample-record.ts'

type Account = { did: string; token: string }
type Listed = { records: { uri: string; cid: string; value: Record<string, unknown> }[]; cursor?: string }

const OPERATIONS = 200
let network: Network
let accounts: Account[]
/** What was acknowledged last for each record: its CID, or null when it was deleted. */
const acknowledged = new Map<string, string | null>()

beforeAll(async () => {
  network = await startNetwork()
  accounts = await Promise.all(['ada.test', 'ben.test'].map(signUp))
}, 60_000)

afterAll(async () => {
  await network?.stop()
})

describe('one PDS, one indexer', () => {
  test('a record of every bundled app.bsky type is written and read back', { timeout: 60_000 }, async () => {
    const account = accounts[0]!
    const types = recordTypes('app.bsky.')
    expect(types.length).toBeGreaterThan(10)
    const blobs = new Map<string, unknown>()
    for (const { nsid, key } of types) {
      await uploadBlobs(account, nsid, blobs)
      const record = sampleRecord(nsid, account.did, (accept) => blobs.get(mimeFor(accept)))
      const rkey = key.startsWith('literal:')
        ? key.slice('literal:'.length)
        : key === 'tid'
          ? '3kxyzabcdef22'
          : 'sample'
      const written = await procedure<{ uri: string; cid: string; validationStatus?: string }>(
        network.pds.url,
        'com.atproto.repo.putRecord',
        { repo: account.did, collection: nsid, rkey, record, validate: true },
        { token: account.token },
      )
      expect(written, nsid).toMatchObject({ status: 200, body: { validationStatus: 'valid' } })
      acknowledged.set(written.body.uri, written.body.cid)
      const params = { repo: account.did, collection: nsid, rkey }
      const onPds = await query<{ value: unknown; cid: string }>(
        network.pds.url,
        'com.atproto.repo.getRecord',
        params,
      )
      expect(onPds.body.value, nsid).toEqual(record)
      const onIndexer = await eventually(async () => {
        const answer = await query<{ value: unknown; cid: string }>(
          network.indexer.url,
          'com.atproto.repo.getRecord',
          params,
        )
        return answer.status === 200 ? answer.body : null
      })
      expect(onIndexer, nsid).toMatchObject({ cid: onPds.body.cid, value: record })
    }
  })

  test(
    `${OPERATIONS} writes with both processes killed in the middle: the index equals the repos`,
    {
      timeout: 120_000,
    },
    async () => {
      let next = 0
      let killed = 0
      const writer = async (worker: number): Promise<void> => {
        const account = accounts[worker % accounts.length]!
        // Each worker has its own records, so that the last acknowledged state of each is known.
        const own: string[] = []
        for (let index = next++; index < OPERATIONS; index = next++) {
          await writeOne(account, own, index)
        }
      }
      const killer = async (): Promise<void> => {
        await eventually(() => next >= OPERATIONS * 0.3)
        network.pds.process.kill('SIGKILL')
        await network.pds.ended
        killed += 1
        network.pds = await network.startPds()
        await eventually(() => next >= OPERATIONS * 0.6)
        network.indexer.process.kill('SIGKILL')
        await network.indexer.ended
        killed += 1
        await eventually(() => next >= OPERATIONS * 0.8)
        network.indexer = await network.startIndexer()
      }
      await Promise.all([killer(), ...Array.from({ length: 6 }, (_, worker) => writer(worker))])
      expect(killed).toBe(2)

      for (const { did } of accounts) {
        const onPds = await contents(network.pds.url, did)
        for (const [uri, cid] of acknowledged) {
          if (uri.includes(did)) expect(onPds.get(uri)?.cid ?? null, uri).toBe(cid)
        }
        await eventually(async () => (await contents(network.indexer.url, did)).size === onPds.size)
        const onIndexer = await eventually(async () => {
          const index = await contents(network.indexer.url, did)
          return [...onPds].every(([uri, { cid }]) => index.get(uri)?.cid === cid) ? index : null
        })
        expect(onIndexer).toEqual(onPds)
      }
    },
  )

  test(
    'the stream holds every commit once, in order, and the index applied each once',
    { timeout: 60_000 },
    async () => {
      const events = await readStream(network.pds.url)
      const seqs = events.map((event) => event.seq)
      expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))

      const operations: string[] = []
      for (const { did } of accounts) {
        const commits = events.filter((event) => event.type === '#commit' && event.did === did)
        expect(commits.length).toBeGreaterThan(0)
        // An unbroken chain: nothing was lost between two commits.
        commits.reduce(
          (previous, commit) => {
            expect(commit.since ?? null).toBe(previous?.rev ?? null)
            return commit
          },
          undefined as (typeof commits)[number] | undefined,
        )
        for (const { rev, ops } of commits) {
          operations.push(
            ...ops.map((op) => `${did} ${rev} ${op.action} ${op.path} ${op.cid?.toString() ?? null}`),
          )
        }
      }
      const applied = await eventually(() => {
        const rows = indexedOperations()
        return rows.length >= operations.length ? rows : null
      })
      expect(applied.toSorted()).toEqual(operations.toSorted())
    },
  )

  test('bad input: a clear error each, and nothing lost', async () => {
    const { did, token } = accounts[1]!
    const before = await contents(network.pds.url, did)
    const write = (
      record: unknown,
      options: { token?: string },
    ): ReturnType<typeof procedure<{ error: string }>> =>
      procedure(
        network.pds.url,
        'com.atproto.repo.createRecord',
        { repo: did, collection: 'app.bsky.feed.post', record },
        options,
      )
    const post = { $type: 'app.bsky.feed.post', text: 'x', createdAt: '2026-01-02T03:04:05.678Z' }

    expect(await write(post, {})).toMatchObject({ status: 401, body: { error: 'AuthMissing' } })
    expect(await write(post, { token: 'garbage' })).toMatchObject({
      status: 400,
      body: { error: 'InvalidToken' },
    })
    expect(await write(post, { token: `${token.slice(0, -4)}AAAA` })).toMatchObject({
      status: 400,
      body: { error: 'InvalidToken' },
    })
    const oversize = await write({ ...post, text: 'x'.repeat(1_100_000) }, { token })
    expect([400, 413]).toContain(oversize.status)
    expect(oversize.body.error).toMatch(/TooLarge|InvalidRequest/)
    expect(await write({ ...post, text: 1 }, { token })).toMatchObject({
      status: 400,
      body: { error: 'InvalidRequest' },
    })
    expect(await write({ ...post, extra: 1.5 }, { token })).toMatchObject({
      status: 400,
      body: { error: 'InvalidRequest' },
    })

    expect(await contents(network.pds.url, did)).toEqual(before)
    expect(await contents(network.indexer.url, did)).toEqual(before)
  })
})

async function signUp(handle: string): Promise<Account> {
  const { status, body } = await procedure<{ did: string; accessJwt: string }>(
    network.pds.url,
    'com.atproto.server.createAccount',
    { handle, email: `${handle}@example.com`, password: 'correct horse battery' },
  )
  expect(status, JSON.stringify(body)).toBe(200)
  return { did: body.did, token: body.accessJwt }
}

/** One create, update or delete; repeated with the same record key while the PDS is away, as a careful client would. */
async function writeOne(account: Account, own: string[], index: number): Promise<void> {
  const collection = index % 5 === 0 ? 'com.example.note' : 'app.bsky.feed.post'
  const text = `operation ${index} ${'·'.repeat(index % 40)}`
  const record = {
    $type: collection,
    text,
    createdAt: new Date(1_760_000_000_000 + index * 1000).toISOString(),
  }
  const existing = own.at(-1)
  const action = existing === undefined || index % 4 < 2 ? 'create' : index % 4 === 2 ? 'update' : 'delete'
  const uri = action === 'create' ? `at://${account.did}/${collection}/${tidOf(index)}` : existing!
  const [, , repo, into, rkey] = uri.split('/')
  const input = { repo, collection: into, rkey, record: { ...record, $type: into } }
  await eventually(async () => {
    try {
      if (action === 'delete') {
        const { status } = await procedure(network.pds.url, 'com.atproto.repo.deleteRecord', input, account)
        return status === 200
      }
      const { status, body } = await procedure<{ cid: string }>(
        network.pds.url,
        'com.atproto.repo.putRecord',
        input,
        account,
      )
      if (status !== 200) throw new Error(`refused: ${status} ${JSON.stringify(body)}`)
      acknowledged.set(uri, body.cid)
      return true
    } catch (error) {
      if (error instanceof TypeError || (error as Error).name === 'SyntaxError') return false // the PDS is away
      throw error
    }
  })
  if (action === 'delete') {
    acknowledged.set(uri, null)
    own.pop()
  } else if (action === 'create') own.push(uri)
}

/** A valid TID for each number below 1024. */
function tidOf(index: number): string {
  const digits = '234567abcdefghijklmnopqrstuvwxyz'
  return `3kxyzabcdef${digits[index >> 5]}${digits[index & 31]}`
}

/** All records of a repo as the service lists them. */
async function contents(service: string, did: string): Promise<Map<string, { cid: string; value: unknown }>> {
  const found = new Map<string, { cid: string; value: unknown }>()
  const described = await query<{ collections: string[] }>(service, 'com.atproto.repo.describeRepo', {
    repo: did,
  })
  for (const collection of described.body.collections) {
    let cursor: string | undefined
    do {
      const { body } = await query<Listed>(service, 'com.atproto.repo.listRecords', {
        repo: did,
        collection,
        limit: 100,
        cursor,
      })
      for (const { uri, cid, value } of body.records) found.set(uri, { cid, value })
      cursor = body.records.length > 0 ? body.cursor : undefined
    } while (cursor)
  }
  return found
}

type StreamEvent = {
  type: string
  seq: number
  did: string
  rev: string
  since: string | null
  ops: { action: string; path: string; cid: { toString(): string } | null }[]
}

/** The whole stream from its first event until nothing comes for a second, read with other people's decoder. */
async function readStream(pds: string): Promise<StreamEvent[]> {
  const socket = new WebSocket(`${pds.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`)
  const events: StreamEvent[] = []
  let last = Date.now()
  socket.on('message', (data: Buffer) => {
    last = Date.now()
    const [header, rest] = decodeFirst(new Uint8Array(data), decodeOptions) as [
      { op: number; t: string },
      Uint8Array,
    ]
    const body = decode(rest) as Record<string, unknown> & StreamEvent & { repo?: string }
    events.push({
      type: header.t,
      seq: body.seq,
      did: body.repo ?? body.did,
      rev: body.rev,
      since: body.since,
      ops: (body.ops ?? []).map(({ action, path, cid }) => ({
        action,
        path,
        cid: cid && cid.toString(),
      })),
    })
  })
  await eventually(() => events.length > 0 && Date.now() - last > 1000)
  socket.terminate()
  return events
}

/** The operations in the indexer's log, read from its database file. */
function indexedOperations(): string[] {
  const database = new DatabaseSync(join(network.folder, 'indexer', 'indexer.sqlite'), { readOnly: true })
  try {
    return database
      .prepare('SELECT did, rev, action, collection, rkey, cid FROM log WHERE action IS NOT NULL')
      .all()
      .map(
        (row) =>
          `${row['did']} ${row['rev']} ${row['action']} ${row['collection']}/${row['rkey']} ${row['cid']}`,
      )
  } finally {
    database.close()
  }
}

const SAMPLES: Record<string, Uint8Array> = {
  'image/png': new Uint8Array(
    Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    ),
  ),
  'video/mp4': new Uint8Array(Buffer.from('000000186674797069736f6d0000020069736f6d69736f32', 'hex')),
  'text/vtt': new TextEncoder().encode('WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n'),
}

function mimeFor(accept: readonly string[]): string {
  if (accept.some((pattern) => pattern.startsWith('video/'))) return 'video/mp4'
  if (accept.some((pattern) => pattern.startsWith('text/'))) return 'text/vtt'
  return 'image/png'
}

/** Uploads a blob of each type that this record will ask for. */
async function uploadBlobs(account: Account, nsid: string, blobs: Map<string, unknown>): Promise<void> {
  const wanted = new Set<string>()
  sampleRecord(nsid, account.did, (accept) => wanted.add(mimeFor(accept)))
  for (const mime of wanted) {
    if (blobs.has(mime)) continue
    const { status, body } = await procedure<{ blob: unknown }>(
      network.pds.url,
      'com.atproto.repo.uploadBlob',
      SAMPLES[mime],
      { token: account.token, encoding: mime },
    )
    expect(status, JSON.stringify(body)).toBe(200)
    blobs.set(mime, body.blob)
  }
}

/** Repeats until the answer is true or not null, for at most 30 s. */
async function eventually<T>(probe: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const value = await probe()
    if (value) return value
    if (Date.now() > deadline) throw new Error('it did not come about in 30 s')
    await delay(25)
  }
}
