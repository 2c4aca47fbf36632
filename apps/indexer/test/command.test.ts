// The command as people start it: its own process, its exit code, its words.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, indexed } from './support/indexer.ts'
import { documents, NOTE } from './support/notes.ts'

const main = join(import.meta.dirname, '../src/main.ts')
let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-indexer-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

type Run = { child: ChildProcess; output: () => string; ended: Promise<number | null> }

function start(args: readonly string[]): Run {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, output: () => text, ended: once(child, 'close').then(([code]) => code as number | null) }
}

const ready = async ({ output }: Run): Promise<string> =>
  await eventually(() => /is ready: (\S+)/.exec(output())?.[1])
const runFlags = (host: Host): string[] => [
  'run',
  '--everything',
  `--source=${host.wsUrl}`,
  `--plc-url=${host.plcUrl}`,
  '--allow-loopback',
  `--data=${folder}`,
  '--port=0',
]

describe('words and exit codes', () => {
  test('--help tells the commands, the flags and examples', async () => {
    const [help, runHelp] = [start(['--help']), start(['run', '--help'])]
    expect(await Promise.all([help.ended, runHelp.ended])).toEqual([0, 0])
    expect(help.output()).toMatch(/run [\s\S]*default[\s\S]*replay[\s\S]*Examples:/)
    for (const flag of [
      '--relay',
      '--source',
      '--plc-url',
      '--data',
      '--port',
      '--collections',
      '--host',
      '--allow-loopback',
    ]) {
      expect(runHelp.output()).toContain(flag)
    }
  })

  // Every other way to use it wrongly is in `usage.test.ts`, without a process for each.
  test('wrong usage', async () => {
    const run = start(['run', '--port=x'])
    expect(await run.ended).toBe(2)
    expect(run.output()).toContain('Not a port')
  })

  test('a port in use, a broken data folder, a folder in use: one clear message, exit 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    writeFileSync(join(folder, 'file'), 'not a folder')
    writeFileSync(
      join(folder, 'indexer.sqlite'),
      'not a database, but long enough to have a header of one'.repeat(100),
    )
    const offline = ['--everything', '--source=ws://127.0.0.1:1', '--allow-loopback', '--no-backfill']
    const runs = [
      start([...offline, `--data=${folder}/a`, `--port=${port}`]),
      start([...offline, `--data=${folder}/file`, '--port=0']),
      start([...offline, `--data=${folder}`, '--port=0']),
    ]
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([1, 1, 1])
    taken.close()
    expect(runs[0]!.output().trim()).toMatch(/^avocet-indexer: Port \d+ on 127\.0\.0\.1 is in use\..*--port$/)
    expect(runs[1]!.output().trim()).toMatch(/^avocet-indexer: Cannot use .*file.*$/)
    expect(runs[2]!.output().trim()).toMatch(/^avocet-indexer: Cannot use .*file is not a database.*$/)

    const first = start([...offline, `--data=${folder}/b`, '--port=0'])
    await ready(first)
    await eventually(() => first.output().includes(`index in ${folder}/b\n`))
    const second = start([...offline, `--data=${folder}/b`, '--port=0'])
    expect(await second.ended).toBe(1)
    expect(second.output().trim()).toMatch(/another avocet-indexer is using it$/)
    first.child.kill('SIGINT')
    expect(await first.ended).toBe(0)
  })

  test('lexicons: what a run with the same flags serves, without one', async () => {
    const lexicons = join(folder, 'lexicons')
    mkdirSync(lexicons)
    writeFileSync(join(lexicons, 'note.json'), JSON.stringify(documents()[0]))
    const flags = [
      `--lexicons=${lexicons}`,
      `--index=${NOTE}:createdAt,reply.parent`,
      `--search=${NOTE}:title`,
    ]
    const printed = start(['lexicons', ...flags])
    expect(await printed.ended, printed.output()).toBe(0)
    const offline = ['--everything', '--source=ws://127.0.0.1:1', '--allow-loopback']
    const running = start(['run', ...offline, ...flags, `--data=${join(folder, 'data')}`, '--port=0'])
    const served = await (await fetch(`${await ready(running)}/lexicons`)).json()
    expect(JSON.parse(printed.output())).toEqual(served)
    expect(served.lexicons.map(({ id }: { id: string }) => id)).toEqual([
      ...['listRecords', 'countRecords', 'searchRecords'].map((name) => `${NOTE}.${name}`),
      NOTE,
    ])
    const nothing = start(['lexicons'])
    expect(await nothing.ended).toBe(1)
    expect(nothing.output()).toMatch(/No collection can be asked/)
  })

  test('a replay of nothing usable', async () => {
    writeFileSync(join(folder, 'bad.bin'), new Uint8Array([255, 255, 255, 255, 0]))
    const runs = [start(['replay', `${folder}/none`]), start(['replay', join(folder, 'bad.bin')])]
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([1, 1])
    for (const { output } of runs) expect(output().trim()).toMatch(/^avocet-indexer: .*$/)
  })
})

describe('stopping', () => {
  test('SIGTERM ends it cleanly, and it goes on from there', async () => {
    await using host = await startHost()
    const ada = await host.createAccount('ada')
    const write = (rkey: string) =>
      host.write(ada, [{ action: 'create', collection: 'app.bsky.feed.post', rkey, record: post(rkey) }])
    await write('3kaaaaaaaaa2a')
    const first = start(runFlags(host))
    const url = await ready(first)
    await eventually(async () => (await indexed({ url }, ada.did)).size === 1)
    // An open page must not hold it up.
    const page = await fetch(`${url}/events`)
    first.child.kill('SIGTERM')
    expect(await first.ended).toBe(0)
    await page.body?.cancel().catch(() => {})
    expect(first.output()).toContain('stopped')
    await write('3kaaaaaaaaa2b')
    const second = start(runFlags(host))
    const again = await ready(second)
    await eventually(async () => (await indexed({ url: again }, ada.did)).size === 2)
  })

  test(
    'killed at random instants, nothing is lost and nothing is applied twice',
    { timeout: 120_000 },
    async () => {
      await using host = await startHost()
      const accounts = await Promise.all(['ada', 'ben', 'cleo'].map((name) => host.createAccount(name)))
      let running = start(runFlags(host))
      await ready(running)
      const operations: string[] = []
      for (let round = 0; round < 4; round++) {
        for (let i = 0; i < 40; i++) {
          const account = accounts[i % accounts.length]!
          const rkey = `3k${round}${i}`
          const existing = i % 4 === 3 ? `3k${round}${i - 3}` : null
          const commit = await host.write(account, [
            existing !== null && (i - 3) % accounts.length === i % accounts.length
              ? { action: 'delete', collection: 'com.example.note', rkey: existing }
              : {
                  action: 'create',
                  collection: 'com.example.note',
                  rkey,
                  record: { $type: 'com.example.note', rkey },
                },
          ])
          for (const { action, path, cid } of commit.ops) {
            operations.push(
              `${account.did} ${commit.rev} ${action} ${path} ${cid === null ? null : String(cid)}`,
            )
          }
          if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
        }
        running.child.kill('SIGKILL')
        await running.ended
        running = start(runFlags(host))
        // Sometimes it is killed before it is ready.
        if (round % 3 !== 2) await ready(running)
      }
      const url = await ready(running)
      const indexedCommits = (): number => {
        const db = new DatabaseSync(join(folder, 'indexer.sqlite'), { readOnly: true })
        try {
          return Number(db.prepare('SELECT commits FROM totals').get()?.['commits'])
        } finally {
          db.close()
        }
      }
      // What is there may be the same on the way, when a record comes and goes: the commits are counted.
      await eventually(() => indexedCommits() === operations.length, 60_000)
      for (const account of accounts) {
        const there = await host.records(account)
        expect(await indexed({ url }, account.did)).toEqual(there)
      }
      const db = new DatabaseSync(join(folder, 'indexer.sqlite'), { readOnly: true })
      const rows = db
        .prepare('SELECT did, rev, action, collection, rkey, cid FROM log WHERE action IS NOT NULL')
        .all()
      const totals = db.prepare('SELECT creates + deletes AS n, records FROM totals').get()
      const records = db.prepare('SELECT count(*) AS n FROM records').get()
      db.close()
      expect(
        rows
          .map((r) => `${r['did']} ${r['rev']} ${r['action']} ${r['collection']}/${r['rkey']} ${r['cid']}`)
          .toSorted(),
      ).toEqual(operations.toSorted())
      expect(totals).toEqual({ n: operations.length, records: records?.['n'] })
    },
  )

  test(
    'killed while it reads a repo and events wait for that: all of it arrives, once',
    { timeout: 120_000 },
    async () => {
      await using host = await startHost()
      const ada = await host.createAccount('ada')
      const create = (rkey: string) => ({
        action: 'create' as const,
        collection: 'com.example.note',
        rkey,
        record: { $type: 'com.example.note', rkey },
      })
      for (let i = 0; i < 20; i++) {
        await host.write(
          ada,
          Array.from({ length: 200 }, (_, j) => create(`old${i * 200 + j}`)),
          { silent: true },
        )
      }
      const count = (sql: string): number => {
        try {
          const db = new DatabaseSync(join(folder, 'indexer.sqlite'), { readOnly: true })
          const n = Number(db.prepare(sql).get()?.['n'])
          db.close()
          return n
        } catch {
          return 0
        }
      }
      // The export is held back, so that events pile up behind it.
      const held = Promise.withResolvers<void>()
      host.hooks.exported = async (car) => {
        await held.promise
        return car
      }
      const first = start(runFlags(host))
      await ready(first)
      await host.write(ada, [create('first')])
      await eventually(() => host.requests.getRepo > 0)
      await host.write(ada, [create('second')])
      await host.write(ada, [
        { action: 'delete', collection: 'com.example.note', rkey: 'second' },
        create('third'),
      ])
      await eventually(() => count('SELECT count(*) AS n FROM queued_frames') === 2)
      first.child.kill('SIGKILL')
      await first.ended
      held.resolve()
      // Killed again, in the middle of the rows of the export if it can be.
      const second = start(runFlags(host))
      await eventually(() => count('SELECT count(*) AS n FROM records') > 10, 20_000)
      second.child.kill('SIGKILL')
      await second.ended
      const url = await ready(start(runFlags(host)))
      const there = await host.records(ada)
      await eventually(async () => (await indexed({ url }, ada.did)).size === there.size, 20_000)
      expect(await indexed({ url }, ada.did)).toEqual(there)
      // Each record was created once, whatever way it came.
      expect(count("SELECT count(*) AS n FROM log WHERE action = 'create'")).toBe(
        count("SELECT count(DISTINCT rkey) AS n FROM log WHERE action = 'create'"),
      )
      expect(count('SELECT count(*) AS n FROM queued_frames')).toBe(0)
    },
  )
})
