// `npm start` as a user meets it: what it prints, that the printed lines work, that it stops and goes on, and what it says
// when it cannot start.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { freePort } from '@avocet/network'
import { onlySqlite, pdsDatabaseEnvironment } from '@avocet/testing/pds-store'

const root = join(import.meta.dirname, '../..')
const bin = join(root, 'node_modules', '.bin')
const run = promisify(execFile)

let folder: string
let flags: string[]
const running = new Set<ChildProcess>()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-start-'))
  flags = [
    `--data=${join(folder, 'data')}`,
    `--plc-port=${await freePort()}`,
    `--pds-port=${await freePort()}`,
    `--indexer-port=${await freePort()}`,
  ]
})

afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const apps = ['plc', 'indexer', ...(onlySqlite('a file of the PDS is damaged') ? [] : ['pds'])]

describe('npm start', () => {
  test('first run: ready, and the three printed curl lines work; Ctrl-C stops it cleanly', async () => {
    const network = start(flags)
    const output = await network.ready
    const curls = [...output.matchAll(/^ {2}curl '([^']+)'$/gm)].map((match) => match[1]!)
    expect(curls).toHaveLength(3)
    const answers = await Promise.all(
      curls.map(async (url) => JSON.parse((await run('curl', ['-sS', '--fail', url])).stdout) as unknown),
    )
    expect(answers[0]).toEqual({ did: expect.stringMatching(/^did:plc:[a-z2-7]{24}$/) })
    expect(answers[1]).toMatchObject({ records: [{ cid: expect.any(String) }, { cid: expect.any(String) }] })
    expect(answers[2]).toMatchObject({ active: true, rev: expect.any(String) })
    expect(statSync(join(folder, 'data', 'demo.json')).mode & 0o077).toBe(0)
    network.child.kill('SIGINT')
    expect(await network.ended).toBe(0)
  })

  test('second run: the same accounts and records, nothing made twice', async () => {
    const network = start(flags)
    const output = await network.ready
    const [, posts] = [...output.matchAll(/^ {2}curl '([^']+)'$/gm)].map((match) => match[1]!)
    const listed = (await (await fetch(posts!)).json()) as { records: { value: { text: string } }[] }
    expect(listed.records).toHaveLength(2)

    const second = start([flags[0]!])
    expect(await second.ended).toBe(1)
    expect(second.output()).toMatch(/^avocet: the data folder is in use by a running network/m)

    network.child.kill('SIGTERM')
    expect(await network.ended).toBe(0)
  })

  test('a port in use: one clear message, exit 1', async () => {
    const port = await freePort()
    const occupant = createServer().listen(port, '127.0.0.1')
    try {
      const network = start([...flags.filter((flag) => !flag.startsWith('--pds')), `--pds-port=${port}`])
      expect(await network.ended).toBe(1)
      expect(network.output().match(/^avocet: .*$/gm)).toEqual([
        expect.stringContaining(`port ${port} is in use`),
      ])
    } finally {
      occupant.close()
    }
  })

  test('a data folder that cannot be used: one clear message, exit 1', async () => {
    const file = join(folder, 'a-file')
    writeFileSync(file, 'not a folder')
    const network = start([`--data=${file}`, ...flags.slice(1)])
    expect(await network.ended).toBe(1)
    expect(network.output().match(/^avocet: .*$/gm)).toEqual([
      expect.stringContaining('the data folder cannot be used'),
    ])
  })

  test.each(apps)('a broken database of %s: it says which, exit 1', async (name) => {
    const data = join(folder, `broken-${name}`)
    const healthy = join(folder, 'data', name)
    mkdirSync(join(data, name), { recursive: true })
    const databases = readdirSync(healthy).filter((file) => /\.(sqlite|db)$/.test(file))
    expect(databases).not.toHaveLength(0)
    for (const file of databases) writeFileSync(join(data, name, file), 'this is no database '.repeat(500))
    const network = start([`--data=${data}`, ...flags.slice(1)])
    expect(await network.ended).toBe(1)
    const said = network.output()
    expect(said.match(/^avocet: .*$/gm)).toEqual([expect.stringContaining('could not start')])
    expect(said).toContain(join(data, name))
    expect(said).not.toMatch(/^\s+at /m)
  })

  test('flags that are not there, ports that are none: a message and exit 1; --help', async () => {
    const unknown = start(['--prot', '1'])
    expect(await unknown.ended).toBe(1)
    expect(unknown.output()).toMatch(/^avocet: Unknown option '--prot'/m)
    const none = start(['--pds-port', 'x'])
    expect(await none.ended).toBe(1)
    expect(none.output()).toMatch(/^avocet: a port is a number from 1 to 65535; got x/m)
    const help = start(['--help'])
    expect(await help.ended).toBe(0)
    expect(help.output()).toContain('--indexer-port')
  })
})

function start(args: readonly string[]): {
  child: ChildProcess
  ready: Promise<string>
  ended: Promise<number | null>
  output: () => string
} {
  const child = spawn(join(bin, 'node'), [join(root, 'apps/network/src/main.ts'), ...args], {
    env: {
      ...process.env,
      PATH: bin + delimiter + process.env['PATH'],
      ...pdsDatabaseEnvironment(args[0] ?? ''),
    },
  })
  running.add(child)
  let output = ''
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      running.delete(child)
      resolve(code)
    })
  })
  const ready = new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString()
      if (output.includes('Ctrl-C stops everything')) resolve(output)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    void ended.then(() => reject(new Error(`it ended before it was ready:\n${output}`)))
  })
  ready.catch(() => {}) // only some tests wait for it
  return { child, ready, ended, output: () => output }
}
