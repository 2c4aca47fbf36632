// What accounts, records and subscribers of a PDS take: bytes of the database by what they hold, and memory. Each record is a
// request of its own, as in life. Run: node bench/pds-size.ts (AVOCET_BENCH_RECORDS).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { record, save } from './support/compare.ts'
import { startServer, type Server } from './support/processes.ts'

const ACCOUNTS = 100
const RECORDS = Number(process.env['AVOCET_BENCH_RECORDS'] ?? 10_000)
const SUBSCRIBERS = 200
const POST = 'app.bsky.feed.post'
const LIKE = 'app.bsky.feed.like'

const folder = mkdtempSync(join(tmpdir(), 'avocet-pds-size-'))
const main = join(import.meta.dirname, '../apps/pds/src/main.ts')

// The same each time: tokens are for a service of this name.
const port = String(12_000 + (process.pid % 20_000))

const start = (plcUrl: string): Promise<Server> =>
  startServer({
    command: process.execPath,
    args: [main, '--port', port, '--data', join(folder, 'pds'), '--plc-url', plcUrl, '--dev', 'true'],
    env: { LOG_LEVEL: 'error', PDS_INVITE_REQUIRED: 'false' },
  })

/** Resident memory in bytes. */
const resident = ({ pid }: Server): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

/** Bytes of the database: events for subscribers, and all the rest. The server is stopped. */
function sizes(): { events: number; rest: number } {
  using db = new DatabaseSync(join(folder, 'pds', 'pds.sqlite'))
  const tables = db
    .prepare(
      `SELECT tbl_name AS name, sum(pgsize) AS bytes FROM dbstat JOIN sqlite_schema s ON s.name = dbstat.name GROUP BY 1`,
    )
    .all() as { name: string; bytes: number }[]
  const sum = (isEvent: boolean): number =>
    tables.filter(({ name }) => (name === 'event') === isEvent).reduce((total, { bytes }) => total + bytes, 0)
  return { events: sum(true), rest: sum(false) }
}

async function call<T>(url: string, method: string, input: object, token?: string): Promise<T> {
  const response = await fetch(`${url}/xrpc/${method}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(input),
  })
  if (response.status !== 200) throw new Error(await response.text())
  return (await response.json()) as T
}

/** Does a piece of work so many times, eight at a time. */
async function times(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}

const bytes = (work: string, value: number): void => {
  record(`${work} (smaller is better)`, { unit: 'bytes' }, [{ name: 'avocet', perSecond: value }])
}

try {
  const directory = join(import.meta.dirname, '../apps/plc-directory/src/main.ts')
  await using plc = await startServer({
    command: process.execPath,
    args: [directory, '--port', '0', '--no-rate-limits', '--data', join(folder, 'plc')],
  })
  const accounts: { did: string; accessJwt: string }[] = []
  const during = async (
    work: (url: string) => Promise<unknown>,
  ): Promise<{ events: number; rest: number }> => {
    const server = await start(plc.url)
    await work(server.url)
    await server[Symbol.asyncDispose]()
    return sizes()
  }
  const createdAt = '2026-01-02T03:04:05.678Z'
  const write = (url: string, index: number, collection: string, fields: object): Promise<unknown> => {
    const { did, accessJwt } = accounts[index % ACCOUNTS]!
    const input = { repo: did, collection, record: { $type: collection, createdAt, ...fields } }
    return call(url, 'com.atproto.repo.createRecord', input, accessJwt)
  }

  const empty = await during(async () => {})
  const signedUp = await during((url) =>
    times(ACCOUNTS, async (index) => {
      const input = { handle: `user${index}.test`, email: `u${index}@example.com`, password: 'correct horse' }
      accounts.push(await call(url, 'com.atproto.server.createAccount', input))
    }),
  )
  const perAccount = (signedUp.rest + signedUp.events - empty.rest - empty.events) / ACCOUNTS
  bytes('PDS: bytes of database per account, with its first commit and its events', perAccount)

  const words =
    'A post of an everyday length, which is some hundred characters with a thought, a name and a full stop. '
  const posted = await during((url) =>
    times(RECORDS, (index) => write(url, index, POST, { text: `${words}${index}`, langs: ['en'] })),
  )
  bytes('PDS: bytes of database per post, without its event', (posted.rest - signedUp.rest) / RECORDS)
  bytes(
    'PDS: bytes of database per event of a post, kept for 72 hours',
    (posted.events - signedUp.events) / RECORDS,
  )

  const cid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
  const liked = await during((url) =>
    times(RECORDS, (index) => {
      const uri = `at://${accounts[(index * 7) % ACCOUNTS]!.did}/${POST}/post${100_000_000 + index}`
      return write(url, index, LIKE, { subject: { uri, cid } })
    }),
  )
  bytes('PDS: bytes of database per like, without its event', (liked.rest - posted.rest) / RECORDS)

  const server = await start(plc.url)
  const some = (): Promise<void> =>
    times(1000, (index) => write(server.url, index, POST, { text: `${words}${index}` }))
  await sleep(2000)
  const idle = resident(server)
  await some()
  const writing = resident(server)
  const sockets = Array.from(
    { length: SUBSCRIBERS },
    () => new WebSocket(`${server.url}/xrpc/com.atproto.sync.subscribeRepos`),
  )
  await Promise.all(
    sockets.map((socket) => new Promise((resolve) => socket.addEventListener('open', resolve))),
  )
  await some()
  const followed = resident(server)
  for (const socket of sockets) socket.close()
  await server[Symbol.asyncDispose]()
  bytes(`PDS, ${RECORDS * 2} records: bytes resident after its start`, idle)
  bytes('PDS: bytes resident after 1000 writes', writing)
  bytes(`PDS: bytes resident after 1000 more, with ${SUBSCRIBERS} subscribers`, followed)
  save('pds-size')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
