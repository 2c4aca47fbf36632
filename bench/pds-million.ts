// An account of a million records on the PDS, as a process of its own and over HTTP: imported, written to, listed, exported and
// deleted, while the event loop is watched. Run: node bench/pds-million.ts (AVOCET_BENCH_RECORDS for another size).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { createKeypair } from '@avocet/crypto'
import { exportRepo } from '@avocet/repo'
import { openRepoStore } from '@avocet/repo-sqlite'
import { openDatabase } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { record, save } from './support/compare.ts'
import { fill } from './support/repos.ts'

const COUNT = Number(process.env['AVOCET_BENCH_RECORDS'] ?? 1_000_000)
const PAGES = 500
const COMMITS = 300
const folder = mkdtempSync(join(tmpdir(), 'avocet-pds-million-'))
const children: ChildProcess[] = []
const ADMIN = { authorization: `Basic ${Buffer.from('admin:bench').toString('base64')}` }

async function start(app: string, args: readonly string[]): Promise<{ url: string; child: ChildProcess }> {
  const main = join(import.meta.dirname, '../apps', app, 'src/main.ts')
  const profile = app === 'pds' ? (process.env['AVOCET_PROFILE'] ?? '') : ''
  const flags = profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const preload = join(import.meta.dirname, 'support/watch-loop.ts')
  const child = spawn(process.execPath, [...flags, '--import', preload, main, ...args], {
    env: {
      ...process.env,
      LOG_LEVEL: 'error',
      PDS_ADMIN_PASSWORD: 'bench',
      PDS_INVITE_REQUIRED: 'false',
      PDS_RATE_LIMIT_BYPASS_KEY: 'bench',
      PDS_DEV_MODE: 'true',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  children.push(child)
  const ready = Promise.withResolvers<string>()
  let output = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    const url = /(http:\/\/\S+)/.exec(output)?.[1]
    if (url !== undefined) ready.resolve(url)
  })
  child.once('exit', (code) => ready.reject(new Error(`${app} ended; code=${code}`)))
  return { url: await ready.promise, child }
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(`${pds.url}/xrpc/${path}`, init)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response
}
const post = (nsid: string, input: object, headers: Record<string, string>): Promise<any> =>
  call(nsid, {
    method: 'POST',
    body: JSON.stringify(input),
    headers: { 'content-type': 'application/json', ...headers },
  }).then(async (response) => ((await response.text()) || '{}') as unknown)

interface Held {
  wallMs: number
  /** Without the time in which other processes had the core. */
  ownMs: number
  cpuMs: number
  totalCpuMs: number
  rss: number
}
async function held(): Promise<Held> {
  const answer = once(pds.child, 'message')
  pds.child.send('held')
  return ((await answer) as [Held])[0]
}

/** Runs a step and keeps its figure, with the longest time that the event loop was held up. */
async function step(work: string, count: number, unit: string, run: () => Promise<unknown>): Promise<void> {
  const before = await held()
  const began = performance.now()
  await run()
  const seconds = (performance.now() - began) / 1000
  const { wallMs, ownMs, cpuMs, totalCpuMs, rss } = await held()
  const used = (totalCpuMs - before.totalCpuMs) / 1000
  const note =
    `longest hold of the event loop ${ownMs.toFixed(0)} ms (${cpuMs.toFixed(0)} ms of CPU; ${wallMs.toFixed(0)} ms with what other processes took), ` +
    `${(count / used).toFixed(0)} ${unit} per CPU second, ${(rss / 1e6).toFixed(0)} MB resident`
  record(`PDS, an account of ${COUNT} records: ${work}`, { unit, note }, [
    { name: 'avocet', perSecond: count / seconds },
  ])
  console.log(`  ${note}`)
}

const plc = await start('plc-directory', ['--port', '0', '--memory'])
const pds = await start('pds', ['--port', '0', '--data', join(folder, 'pds'), '--plc-url', plc.url])
try {
  const created = JSON.parse(
    await post(
      'com.atproto.server.createAccount',
      { handle: 'million.test', email: 'million@example.com', password: 'correct horse' },
      {},
    ),
  ) as { did: Did; accessJwt: string }
  const { did } = created
  const bearer = { authorization: `Bearer ${created.accessJwt}` }
  {
    using db = openDatabase({ path: join(folder, 'a.db'), synchronous: 'normal' })
    const store = openRepoStore(db)
    await fill(store, createKeypair('k256'), COUNT, did)
    await pipeline(exportRepo(store, did), createWriteStream(join(folder, 'a.car')))
  }
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `a.db${suffix}`), { force: true })
  console.log(`an archive of ${(statSync(join(folder, 'a.car')).size / 1e6).toFixed(0)} MB`)

  await post('com.atproto.server.deactivateAccount', {}, bearer)
  await step('import', COUNT, 'records', () =>
    call('com.atproto.repo.importRepo', {
      method: 'POST',
      body: Readable.toWeb(createReadStream(join(folder, 'a.car'))) as unknown as ReadableStream,
      headers: { 'content-type': 'application/vnd.ipld.car', ...bearer },
      duplex: 'half',
    } as RequestInit),
  )
  await step('checkAccountStatus', 1, 'calls', () =>
    call('com.atproto.server.checkAccountStatus', { headers: bearer }).then((answer) => answer.json()),
  )
  await call('com.atproto.server.activateAccount', { method: 'POST', headers: bearer })
  const bypass = { ...bearer, 'x-ratelimit-bypass': 'bench' }
  await step('commit one', COMMITS, 'commits', async () => {
    for (let i = 0; i < COMMITS; i++) {
      const note = { $type: 'app.bsky.feed.post', text: `${i}`, createdAt: new Date().toISOString() }
      await post(
        'com.atproto.repo.createRecord',
        { repo: did, collection: 'app.bsky.feed.post', record: note },
        bypass,
      )
    }
  })
  await step('list a page of 50', PAGES, 'pages', async () => {
    let cursor = ''
    for (let i = 0; i < PAGES; i++) {
      const query = `repo=${did}&collection=app.bsky.feed.post&limit=50&cursor=${cursor || 'zzzzzzzzzzzzz'}`
      const page = (await (await call(`com.atproto.repo.listRecords?${query}`)).json()) as { cursor?: string }
      cursor = page.cursor ?? ''
    }
  })
  await step('export', COUNT, 'records', async () => {
    const { body } = await call(`com.atproto.sync.getRepo?did=${did}`)
    for await (const chunk of body!) void chunk
  })
  await step('delete: the answer', 1, 'calls', () => post('com.atproto.admin.deleteAccount', { did }, ADMIN))
  await step('delete: all that is left', COUNT, 'records', async () => {
    using db = openDatabase({ path: join(folder, 'pds', 'pds.sqlite'), readOnly: true })
    for (;;) {
      await sleep(250)
      const rows = db.raw
        .prepare(
          'SELECT (SELECT count(*) FROM record_set) + (SELECT count(*) FROM repo WHERE did IS NULL) AS n',
        )
        .get()
      if (Number(rows!['n']) === 0) return
    }
  })
  save('pds-million')
} finally {
  for (const child of children) {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
  rmSync(folder, { recursive: true, force: true })
}
