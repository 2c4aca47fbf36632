// A repository of a million records: its CAR read, imported into SQLite and exported again, each in a process of its own
// whose memory is watched. Takes some minutes and 1.5 GB of temporary files; not part of the usual benches.
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { importNativeKeypair } from '@avocet/crypto-native'
import { createRepoWriter, exportRepo, importRepo, listRecords, prepareWrite, readRepo } from '@avocet/repo'
import { openRepoStore } from '@avocet/repo-sqlite'
import { openDatabase } from '@avocet/sqlite'
import { record, save } from './support/compare.ts'
import { clock, did, fill } from './support/repos.ts'

const COUNT = Number(process.env['AVOCET_BENCH_RECORDS'] ?? 1_000_000)
const LISTS = 2000
const COMMITS = 1000
const signer = importNativeKeypair('k256', new Uint8Array(32).fill(7))

/** What a step took. */
interface Taken {
  seconds: number
  /** Most bytes of JavaScript heap, and of memory outside of it, seen every 20 ms. */
  heap: number
  external: number
  rss: number
}

async function watched(work: () => Promise<void>): Promise<Taken> {
  const taken: Taken = { seconds: 0, heap: 0, external: 0, rss: 0 }
  const look = (): void => {
    const { heapUsed, external, rss } = process.memoryUsage()
    taken.heap = Math.max(taken.heap, heapUsed)
    taken.external = Math.max(taken.external, external)
    taken.rss = Math.max(taken.rss, rss)
  }
  const timer = setInterval(look, 20)
  const start = performance.now()
  await work()
  taken.seconds = (performance.now() - start) / 1000
  look()
  clearInterval(timer)
  return taken
}

const steps: Record<string, (folder: string) => Promise<void>> = {
  async read(folder) {
    const reader = await readRepo(createReadStream(join(folder, 'a.car')), { did, key: signer.publicKey })
    let count = 0
    for await (const batch of reader.batches) count += batch.length
    if (count !== COUNT) throw new Error(`${count} records`)
  },
  async import(folder) {
    using db = openDatabase({ path: join(folder, 'b.db') })
    const store = openRepoStore(db)
    const source = createReadStream(join(folder, 'a.car'))
    await importRepo({
      did,
      store,
      source,
      key: signer.publicKey,
      signer,
      rev: (archived) => clock.nextAfter(archived),
    })
  },
  async export(folder) {
    using db = openDatabase({ path: join(folder, 'b.db') })
    await pipeline(exportRepo(openRepoStore(db), did), createWriteStream(join(folder, 'b.car')))
  },
  async list(folder) {
    using db = openDatabase({ path: join(folder, 'b.db') })
    const store = openRepoStore(db)
    for (let i = 0; i < LISTS; i++) {
      let count = 0
      for await (const _ of listRecords(store, did, { prefix: 'app.bsky.feed.post/', reverse: i % 2 === 0 }))
        if (++count === 50) break
    }
  },
  async commit(folder) {
    using db = openDatabase({ path: join(folder, 'b.db') })
    const writer = createRepoWriter({ store: openRepoStore(db), clock, signer: () => signer })
    for (let i = 0; i < COMMITS; i++) {
      const rkey = clock.next()
      await writer.write(did, [
        prepareWrite({ action: 'create', collection: 'app.bsky.feed.post', rkey, record: { i } }),
      ])
    }
  },
}

const step = process.argv[2]
if (step !== undefined) {
  console.log(JSON.stringify(await watched(() => steps[step]!(process.argv[3]!))))
  process.exit()
}

const folder = mkdtempSync(join(tmpdir(), 'avocet-million-'))
{
  using db = openDatabase({ path: join(folder, 'a.db'), synchronous: 'normal' })
  const store = openRepoStore(db)
  await fill(store, signer, COUNT)
  await pipeline(exportRepo(store, did), createWriteStream(join(folder, 'a.car')))
}
rmSync(join(folder, 'a.db'))
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
console.log(`a repository of ${COUNT} records, a CAR of ${megabytes(statSync(join(folder, 'a.car')).size)}`)
const items: Record<string, [count: number, unit: string, least?: number]> = {
  read: [COUNT, 'records'],
  import: [COUNT, 'records', 50_000],
  export: [COUNT, 'records'],
  list: [LISTS, 'pages', 5000],
  commit: [COMMITS, 'commits', 800],
}
const works: Record<string, string> = {
  read: 'read and verify its CAR as a stream',
  import: 'import it into SQLite',
  export: 'export it from SQLite',
  list: 'list 50 of its records from SQLite',
  commit: 'commit one more, on the disk',
}
for (const name of Object.keys(steps)) {
  const { stdout, stderr } = spawnSync(process.execPath, [import.meta.filename, name, folder], {
    encoding: 'utf8',
  })
  if (stderr) console.error(stderr)
  const taken = JSON.parse(stdout) as Taken
  const [count, unit, least] = items[name]!
  const note = `peak heap ${megabytes(taken.heap)}, outside of it ${megabytes(taken.external)}, process ${megabytes(taken.rss)}`
  record(`${COUNT} records: ${works[name]}`, { unit, note, ...(least === undefined ? {} : { least }) }, [
    { name: 'avocet', perSecond: count / taken.seconds },
  ])
  console.log(`  ${note}`)
}
console.log(`database of ${megabytes(statSync(join(folder, 'b.db')).size)}`)
rmSync(folder, { recursive: true })
save('repo-million')
