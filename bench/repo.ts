// Repositories: archives verified, commits made, exports, beside @atproto/repo; how a commit's cost grows; what churn leaves.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secp256k1Keypair } from '@atproto/crypto'
import {
  getFullRepo,
  MemoryBlockstore,
  readCarWithRoot,
  Repo,
  verifyRepoCar,
  WriteOpAction,
} from '@atproto/repo'
import { importKeypair } from '@avocet/crypto'
import { importNativeKeypair, nativeVerifier } from '@avocet/crypto-native'
import {
  createMemoryRepoStore,
  createRepoWriter,
  exportRepo,
  prepareWrite,
  readRepo,
  type RepoStore,
} from '@avocet/repo'
import { openRepoStore } from '@avocet/repo-sqlite'
import { openDatabase as openPostgres } from '@avocet/postgres'
import { openRepoStore as openPostgresStore } from '@avocet/repo-postgres'
import { openDatabase } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { startPostgres } from '@avocet/testing/postgres'
import { compare, record, save } from './support/compare.ts'
import { clock, did, fill } from './support/repos.ts'

const secret = new Uint8Array(32).fill(7)
const signer = importKeypair('k256', secret)
const peerSigner = await Secp256k1Keypair.import(secret)
const native = importNativeKeypair('k256', secret)
const verify = nativeVerifier()
const folder = mkdtempSync(join(tmpdir(), 'avocet-bench-'))
const COUNT = 20_000

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

const memory = createMemoryRepoStore()
await fill(memory, signer, COUNT)
const car = new Uint8Array(await collect(exportRepo(memory, did)))
console.log(`a repository of ${COUNT} records, ${(car.length / 1e6).toFixed(1)} MB`)

await compare(
  'read and verify a CAR of 20 000 records: signature, hashes, tree',
  { unit: 'records', items: COUNT, target: 8 },
  {
    avocet: async () => {
      const reader = await readRepo(car, { did, key: signer.publicKey, verify })
      let count = 0
      for await (const batch of reader.batches) count += batch.length
      if (count !== COUNT) throw new Error(`${count} records`)
    },
    '@atproto/repo': () => verifyRepoCar(car, did, peerSigner.did()),
  },
)

const { root, blocks } = await readCarWithRoot(car)
const peerStore = new MemoryBlockstore(blocks)
const peerUntouched = new MemoryBlockstore((await readCarWithRoot(car)).blocks)
let next = 0

{
  const writer = createRepoWriter({ store: memory, clock, signer: () => native })
  let peer = await Repo.load(peerStore, root)
  await compare(
    'make and apply a commit of one record in it, in memory',
    { unit: 'commits' },
    {
      avocet: () => writer.write(did, [createPost()]),
      '@atproto/repo': async () => {
        const write = {
          action: WriteOpAction.Create,
          collection: 'app.bsky.feed.post',
          rkey: clock.next(),
          record: {
            $type: 'app.bsky.feed.post',
            text: `Post ${next++}`,
            createdAt: '2026-01-01T00:00:00.000Z',
          },
        } as const
        peer = await peer.applyWrites(write, peerSigner)
      },
    },
  )
}

await compare(
  'export it from memory',
  { unit: 'records', items: COUNT },
  {
    avocet: () => collect(exportRepo(memory, did)),
    '@atproto/repo': () => collect(getFullRepo(peerUntouched, root)),
  },
)

// On SQLite, every commit on the disk before it is acknowledged.
for (const count of [1000, 10_000, 100_000]) {
  using db = openDatabase({ path: join(folder, `grow-${count}.db`) })
  const store = openRepoStore(db)
  await fill(store, signer, count)
  const size = count.toLocaleString('en').replaceAll(',', ' ')
  record(`${size} records on SQLite: commit one, on the disk`, { unit: 'commits' }, [
    { name: 'avocet', perSecond: await commitsPerSecond(store, 100) },
  ])
  const start = performance.now()
  await collect(exportRepo(store, did))
  record(`${size} records on SQLite: export`, { unit: 'records' }, [
    { name: 'avocet', perSecond: (count * 1000) / (performance.now() - start) },
  ])
}

// A burst: 32 repositories, each with one commit after the other, all at once.
async function burst<Tx>(name: string, store: RepoStore<Tx>): Promise<void> {
  const writer = createRepoWriter({ store, clock, signer: () => native })
  const dids = Array.from({ length: 32 }, (_, i): Did => `did:web:w${i}.example.com`)
  await Promise.all(dids.map((one) => writer.create(one, [])))
  const rounds = 30
  const start = performance.now()
  await Promise.all(
    dids.map(async (one) => {
      for (let i = 0; i < rounds; i++) await writer.write(one, [createPost()])
    }),
  )
  const perSecond = (dids.length * rounds * 1000) / (performance.now() - start)
  record(`32 repositories at once on ${name}: commits, on the disk`, { unit: 'commits' }, [
    { name: 'avocet', perSecond },
  ])
}
{
  using db = openDatabase({ path: join(folder, 'burst.db') })
  await burst('SQLite', openRepoStore(db))
}
const server = await startPostgres([])
if (server !== null) {
  const db = openPostgres({ url: server.url, poolSize: 16 })
  const store = await openPostgresStore(db)
  await fill(store, signer, 10_000)
  record('10 000 records on Postgres: commit one, on the disk', { unit: 'commits' }, [
    { name: 'avocet', perSecond: await commitsPerSecond(store, 60) },
  ])
  await burst('Postgres', store)
  await db.close()
  await server.close()
}

// A thousand keys, each updated a hundred times.
{
  const path = join(folder, 'churn.db')
  using db = openDatabase({ path, synchronous: 'normal' })
  const store = openRepoStore(db)
  await fill(store, signer, 1000)
  const writer = createRepoWriter({ store, clock, signer: () => native })
  const bytesOf = (): number => {
    db.raw.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return statSync(path).size
  }
  const before = bytesOf()
  const paths: string[] = []
  const reader = await readRepo(exportRepo(store, did), { did, key: signer.publicKey })
  for await (const entry of reader.entries) paths.push(entry.path)
  for (let round = 0; round < 1000; round++) {
    const writes = Array.from({ length: 100 }, (_, i) => {
      const [collection, rkey] = paths[(round * 100 + i * 7) % 1000]!.split('/') as [
        `${string}.${string}.${string}`,
        string,
      ]
      const text = `Post number ${round}, of an everyday length, with a word or two more. And more of it: ${round * i}.`
      return prepareWrite({
        action: 'update',
        collection,
        rkey,
        record: { $type: collection, text, langs: ['en'], round, i },
      })
    })
    await writer.write(did, writes)
  }
  const after = bytesOf()
  console.log(
    `store of 1 000 records: ${before} bytes; after 100 000 updates: ${after} bytes, ${store.size(did).blocks} blocks`,
  )
  record(
    '1 000 records on SQLite: bytes of file per record at first (smaller is better)',
    { unit: 'bytes' },
    [{ name: 'avocet', perSecond: before / 1000 }],
  )
  record('1 000 records on SQLite: bytes of file per record after 100 000 updates', { unit: 'bytes' }, [
    { name: 'avocet', perSecond: after / 1000 },
  ])
}

rmSync(folder, { recursive: true })
save('repo')

function createPost(): ReturnType<typeof prepareWrite> {
  return prepareWrite({
    action: 'create',
    collection: 'app.bsky.feed.post',
    rkey: clock.next(),
    record: { $type: 'app.bsky.feed.post', text: `Post ${next++}`, createdAt: '2026-01-01T00:00:00.000Z' },
  })
}

async function commitsPerSecond<Tx>(store: RepoStore<Tx>, rounds: number): Promise<number> {
  const writer = createRepoWriter({ store, clock, signer: () => native })
  let best = 0
  for (let run = 0; run < 5; run++) {
    const start = performance.now()
    for (let i = 0; i < rounds; i++) await writer.write(did, [createPost()])
    best = Math.max(best, (rounds * 1000) / (performance.now() - start))
  }
  return best
}
