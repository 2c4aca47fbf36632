// What is asked of a PDS: the same requests for ours and for the reference.
import { tidFromMicros } from '@avocet/syntax'

import { openConnection, requestBytes } from './client.ts'
import type { Server } from './processes.ts'

interface Account {
  readonly did: string
  readonly accessJwt: string
}

/** A server under load, with its accounts. */
export interface Side {
  /** `avocet`, or the peer with its version. */
  readonly name: string
  readonly server: Server
  readonly accounts: readonly Account[]
  /** Sends all, `lanes` at a time: the time taken, that of each answer (milliseconds), mean bytes of a body. */
  run(
    requests: readonly Buffer[],
    lanes: number,
  ): Promise<{ elapsed: number; times: number[]; bytes: number }>
}

/** One row of the table. */
export interface Work {
  readonly name: string
  readonly unit: string
  /** How many times the reference's speed is wanted. */
  readonly target: number
  readonly lanes: number
  /** Requests a round. */
  readonly count: number
  /** Whether something is stored: how that is made durable counts. */
  readonly stores?: boolean
  /** Rounds before those that count. Default 12. */
  readonly warmRounds?: number
  requests(side: Side, round: number): Promise<readonly Buffer[]>
}

const POST = 'app.bsky.feed.post'
const LANES = 8
/** Accounts made in a round. */
const SIGN_UPS = 12
/** Records of the repository that is read, and how many are written at once. */
const RECORDS = 612
const BATCH = 153
/** The accounts on each side: eight write, one is read. */
export const accountCount: number = LANES + 1

/** Signs up the accounts, and fills the repository that is read. */
export async function prepareSide(name: string, server: Server): Promise<Side> {
  const { port } = server
  const first = await openConnection(port)
  const accounts: Account[] = []
  for (let i = 0; i < accountCount; i++) {
    accounts.push(JSON.parse((await first.send(signUp(port, `first${i}`))).toString()) as Account)
  }
  const read = accounts.at(-1)!
  for (let i = 0; i < RECORDS; i += BATCH) {
    const writes = Array.from({ length: BATCH }, (_, j) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: POST,
      rkey: keyOf(i + j),
      value: post(i + j),
    }))
    const input = { repo: read.did, writes }
    const nsid = 'com.atproto.repo.applyWrites'
    await first.send(requestBytes({ port, nsid, input, token: read.accessJwt }))
  }
  first.close()
  return sideOf(name, server, accounts)
}

/** A server that has the accounts already. */
export function sideOf(name: string, server: Server, accounts: Side['accounts']): Side {
  return { name, server, accounts, run: (requests, lanes) => run(server.port, requests, lanes) }
}

async function run(
  port: number,
  requests: readonly Buffer[],
  lanes: number,
): Promise<{ elapsed: number; times: number[]; bytes: number }> {
  // Opened before the clock starts, and anew each time: servers close what is idle for some seconds.
  const connections = await Promise.all(Array.from({ length: lanes }, () => openConnection(port)))
  const times: number[] = []
  let bytes = 0
  const started = performance.now()
  await Promise.all(
    connections.map(async (connection, lane) => {
      // A lane has its own requests, so that with an account a lane each account writes one record at a time.
      for (let i = lane; i < requests.length; i += lanes) {
        const sent = performance.now()
        // A lane is one connection.
        const body = await connection.send(requests[i]!)
        bytes += body.length
        times.push(performance.now() - sent)
      }
    }),
  )
  const elapsed = performance.now() - started
  for (const connection of connections) connection.close()
  return { elapsed, times, bytes: bytes / requests.length }
}

function signUp(port: number, name: string): Buffer {
  const input = { handle: `${name}.test`, email: `${name}@example.com`, password: 'correct horse battery' }
  return requestBytes({ port, nsid: 'com.atproto.server.createAccount', input })
}

function post(i: number): object {
  const text = `Post number ${i} of a bench, about as long as people write them, which is not very long at all.`
  return { $type: POST, text, langs: ['en'], createdAt: new Date(1.7e12 + i * 1000).toISOString() }
}

/** Record keys in order: TIDs a second apart. */
const keyOf = (i: number): string => tidFromMicros(1.7e15 + i * 1e6, 0)

function creation(side: Side, account: number, i: number): Buffer {
  const { did, accessJwt } = side.accounts[account]!
  const input = { repo: did, collection: POST, record: post(i) }
  const nsid = 'com.atproto.repo.createRecord'
  return requestBytes({ port: side.server.port, nsid, input, token: accessJwt })
}

function reading(side: Side, nsid: string, params: Record<string, string>): Buffer {
  return requestBytes({ port: side.server.port, nsid, params })
}

/** A work whose requests are the same list each round. */
function repeated(work: Omit<Work, 'requests'>, make: (side: Side, i: number) => Buffer): Work {
  return {
    ...work,
    requests: async (side) => Array.from({ length: work.count }, (_, i) => make(side, i)),
  }
}

const reader = (side: Side): string => side.accounts.at(-1)!.did

/** The rows. */
export const works: readonly Work[] = [
  {
    name: 'createAccount, one by one',
    unit: 'accounts',
    target: 2.5,
    lanes: 1,
    count: SIGN_UPS,
    stores: true,
    requests: async (side, round) =>
      Array.from({ length: SIGN_UPS }, (_, i) => signUp(side.server.port, `round${round + 20}x${i}`)),
  },
  repeated(
    {
      name: 'createRecord, one account, one by one',
      unit: 'records',
      target: 10,
      lanes: 1,
      // Half a second of ours, seconds of theirs: after the other's turn the first tenth of a second is slower.
      count: 480,
      stores: true,
      // The first writes of all: our code is compiled for good after some four thousand.
      warmRounds: 10,
    },
    (side, i) => creation(side, 0, i),
  ),
  repeated(
    {
      name: 'createRecord, 8 accounts',
      unit: 'records',
      target: 15,
      lanes: LANES,
      count: 960,
      stores: true,
      warmRounds: 5,
    },
    (side, i) => creation(side, i % LANES, i),
  ),
  repeated(
    { name: 'getRecord, 8 connections', unit: 'records', target: 15, lanes: LANES, count: 2000 },
    (side, i) =>
      reading(side, 'com.atproto.repo.getRecord', {
        repo: reader(side),
        collection: POST,
        rkey: keyOf((i * 7) % RECORDS),
      }),
  ),
  repeated(
    { name: 'listRecords of 50, 8 connections', unit: 'pages', target: 6, lanes: LANES, count: 400 },
    (side, i) =>
      reading(side, 'com.atproto.repo.listRecords', {
        repo: reader(side),
        collection: POST,
        limit: '50',
        cursor: keyOf(RECORDS - 1 - ((i * 37) % (RECORDS - 60))),
      }),
  ),
  repeated(
    { name: 'getRepo of 185 kB, one by one', unit: 'repositories', target: 8, lanes: 1, count: 60 },
    (side) => reading(side, 'com.atproto.sync.getRepo', { did: reader(side) }),
  ),
]
