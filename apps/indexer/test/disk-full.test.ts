// A real disk that gets full under a running indexer: a file system of a few MB, where the system lets one be mounted.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Run, startCommand } from './support/command.ts'
import { type Host, startHost } from './support/host.ts'
import { eventually, indexed } from './support/indexer.ts'

let place: string
let folder: string
let host: Host
let run: Run | undefined
let mounted = false
beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'avocet-indexer-'))
  folder = join(place, 'small')
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', folder], { stdio: 'pipe' })
    mounted = true
  } catch (error) {
    console.warn(`skipped: no small file system can be mounted here: ${(error as Error).message}`)
  }
  host = await startHost()
})
afterEach(async () => {
  await run?.kill()
  await host[Symbol.asyncDispose]()
  if (mounted) execFileSync('umount', [folder])
  mounted = false
  rmSync(place, { recursive: true, force: true })
})

const start = (...more: string[]): Run =>
  (run = startCommand([
    'run',
    '--everything',
    `--source=${host.wsUrl}`,
    `--plc-url=${host.plcUrl}`,
    '--allow-loopback',
    `--data=${join(folder, 'index')}`,
    '--port=0',
    ...more,
  ]))
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)!

// Without backfill too: what was not stored must come by the stream again.
test.each([[[]], [['--no-backfill']]])(
  'a full disk: one line says so and what to do, and a start with room loses nothing %j',
  { timeout: 120_000 },
  async (flags) => {
    if (!mounted) return
    const accounts = await Promise.all(['ada', 'ben'].map((name) => host.createAccount(name)))
    const first = start(...flags)
    await first.ready()
    for (let i = 0; first.child.exitCode === null && i < 400; i++) {
      const text = Buffer.from(crypto.getRandomValues(new Uint8Array(i % 5 === 0 ? 60_000 : 300))).toString(
        'hex',
      )
      const record = { $type: 'com.example.note', text }
      await host.write(accounts[i % 2]!, [
        { action: 'create', collection: 'com.example.note', rkey: `k${i}`, record },
      ])
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(await first.ended).toBe(1)
    const said = `avocet-indexer: stopped: The disk is full: ${join(folder, 'index')}. Make room there and start it again: it goes on where it stopped`
    expect(lastLine(first.output())).toBe(said)
    expect(first.output()).not.toMatch(/^\s+at /m)

    // Full from the start.
    const second = start(...flags)
    expect(await second.ended).toBe(1)
    expect(lastLine(second.output())).toMatch(
      /^avocet-indexer: ((?:stopped: )?The disk is full: \S+|Cannot use \S+: the disk is full)\. Make room there and start it again/,
    )
    expect(second.output()).not.toMatch(/^\s+at /m)

    execFileSync('mount', ['-o', 'remount,size=96m', folder])
    const url = await start(...flags).ready()
    for (const account of accounts) {
      const there = await host.records(account)
      await eventually(async () => (await indexed({ url }, account.did)).size === there.size, 30_000)
      expect(await indexed({ url }, account.did)).toEqual(there)
    }
    const { failures, totals } = (await (await fetch(`${url}/status`)).json()) as {
      failures: { faults: number }
      totals: { resyncs: number }
    }
    expect([failures.faults, totals.resyncs]).toEqual([0, 0])
  },
)
