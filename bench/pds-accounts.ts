// Many accounts on one PDS: how long it takes to start, what it holds, and how fast it lists its repositories. The accounts are
// made directly in the stores, since signing up hashes a password each. Run: node bench/pds-accounts.ts (AVOCET_BENCH_ACCOUNTS).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { createKeypair } from '@avocet/crypto'
import { applyWrites, prepareWrite } from '@avocet/repo'
import { openRepoStore } from '@avocet/repo-sqlite'
import { openDatabase } from '@avocet/sqlite'
import type { Did, Nsid } from '@avocet/syntax'

import { record, save } from './support/compare.ts'
import { clock } from './support/repos.ts'

const COUNT = Number(process.env['AVOCET_BENCH_ACCOUNTS'] ?? 10_000)
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const folder = mkdtempSync(join(tmpdir(), 'avocet-pds-accounts-'))
const main = join(import.meta.dirname, '../apps/pds/src/main.ts')

interface Running {
  readonly url: string
  readonly child: ChildProcess
  /** Until it said that it is ready. */
  readonly seconds: number
}

async function start(): Promise<Running> {
  const began = performance.now()
  const args = ['--port', '0', '--data', folder, '--plc-url', 'http://127.0.0.1:9', '--dev', 'true']
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ready = Promise.withResolvers<string>()
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    const url = /(http:\/\/\S+)/.exec(output)?.[1]
    if (url !== undefined) ready.resolve(url)
  })
  child.once('exit', (code) => ready.reject(new Error(`ended; code=${code}`)))
  const url = await ready.promise
  return { url, child, seconds: (performance.now() - began) / 1000 }
}

async function stop({ child }: Running): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

/** Resident memory of a process in bytes. */
const resident = ({ child }: Running): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) * 1024

async function makeAccounts(): Promise<void> {
  using db = openDatabase({ path: join(folder, 'pds.sqlite'), synchronous: 'normal' })
  const store = openRepoStore(db)
  const digits = (number: number): string => {
    let text = ''
    for (let rest = number, i = 0; i < 24; i++, rest = Math.floor(rest / 32))
      text = ALPHABET[rest % 32]! + text
    return text
  }
  const one = async (i: number): Promise<void> => {
    // Neighbours in time are not neighbours by DID, as in life.
    const did: Did = `did:plc:${digits((i * 7919) % 1_000_003)}`
    const signer = createKeypair('k256')
    const write = prepareWrite({
      action: 'create',
      collection: 'app.bsky.actor.profile' as Nsid,
      rkey: 'self',
      record: { $type: 'app.bsky.actor.profile', displayName: `Account ${i}` },
    })
    const commit = await applyWrites({ did, head: null, store, writes: [write], signer, rev: clock.next() })
    await store.apply(commit, () => {
      db.prepare(
        `INSERT INTO account (did, handle, email, password_hash, signing_key, created_at, deactivated_at)
         VALUES (?, ?, ?, '', ?, ?, NULL)`,
      ).run(did, `user${i}.test`, `user${i}@example.com`, signer.exportPrivateKey(), new Date().toISOString())
    })
  }
  for (let from = 0; from < COUNT; from += 250) {
    await Promise.all(Array.from({ length: Math.min(250, COUNT - from) }, (_, i) => one(from + i)))
  }
}

try {
  const empty = await start()
  await sleep(1500)
  const before = resident(empty)
  await stop(empty)
  await makeAccounts()
  const full = await start()
  await sleep(1500)
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
  record(
    `PDS, ${COUNT} accounts: start`,
    { unit: 'starts', note: `empty ${empty.seconds.toFixed(2)} s, with all ${full.seconds.toFixed(2)} s` },
    [{ name: 'avocet', perSecond: 1 / full.seconds }],
  )
  console.log(`  empty: ${empty.seconds.toFixed(2)} s, ${megabytes(before)} resident`)
  console.log(`  with ${COUNT} accounts: ${full.seconds.toFixed(2)} s, ${megabytes(resident(full))} resident`)
  for (const limit of [100, 1000]) {
    let cursor: string | undefined
    let repos = 0
    let pages = 0
    let longest = 0
    const began = performance.now()
    do {
      const from = performance.now()
      const query = `limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`
      const response = await fetch(`${full.url}/xrpc/com.atproto.sync.listRepos?${query}`)
      const page = (await response.json()) as { cursor?: string; repos: unknown[] }
      longest = Math.max(longest, performance.now() - from)
      repos += page.repos.length
      pages++
      cursor = page.cursor
    } while (cursor !== undefined)
    if (repos !== COUNT) throw new Error(`listed ${repos} of ${COUNT}`)
    const seconds = (performance.now() - began) / 1000
    const note = `slowest page ${longest.toFixed(0)} ms; ${megabytes(resident(full))} resident afterwards`
    record(`PDS, ${COUNT} accounts: listRepos by ${limit}`, { unit: 'pages', note }, [
      { name: 'avocet', perSecond: pages / seconds },
    ])
    console.log(`  ${note}`)
  }
  await stop(full)
  save('pds-accounts')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
