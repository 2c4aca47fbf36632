// When an acknowledged write is on the disk: `PDS_SQLITE_SYNCHRONOUS`.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { resolveConfig, type PdsConfig } from '../src/config/config.ts'
import { SILENT, type Logger } from '../src/logger.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'
import { runCommand } from './command.ts'
import { EIO } from '@avocet/testing/faults'
import { canMakeFaults, startFaultyServer, UNAVAILABLE, type FaultyServer } from './faulty-server.ts'
import { readFirehose } from './firehose.ts'

// Each starts processes, which on a busy machine takes seconds. What is shown here has no time.
vi.setConfig({ hookTimeout: 60_000, testTimeout: 120_000 })

const MARGIN = 1_000_000

/** The number of the newest event. */
async function newest(server: FaultyServer): Promise<number> {
  const { events } = await readFirehose(server.url, 0, () => false, 300)
  return events.at(-1)!.body.seq as number
}

async function start(synchronous?: string): Promise<FaultyServer> {
  const server = await startFaultyServer(
    synchronous === undefined ? {} : { PDS_SQLITE_SYNCHRONOUS: synchronous },
  )
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

describe.skipIf(!canMakeFaults())('a disk that syncs nothing any more', () => {
  test.each([
    ['full is the default: no answer before the sync', undefined, 503],
    ['full: no answer before the sync', 'full', 503],
    ['normal: the answer waits for no sync', 'normal', 200],
  ])('%s', async (_name, synchronous, status) => {
    const server = await start(synchronous)
    const writer = await server.account('anna')
    expect((await server.write(writer, 'a')).status).toBe(200)
    server.faults.sync(EIO)
    const answer = await server.write(writer, 'b')
    if (status === 503) expect(answer).toEqual(UNAVAILABLE)
    else expect([answer.status, await server.keysOf(writer.did)]).toEqual([200, ['a', 'b']])
    server.faults.sync(0)
  })
})

describe.skipIf(!canMakeFaults())('a server that is killed', () => {
  test('normal: has every write that it acknowledged, and event numbers go on above a margin', async () => {
    const server = await start('normal')
    const writer = await server.account('anna')
    const before = await newest(server)
    const keys = Array.from({ length: 25 }, (_, i) => `key${10 + i}`)
    // One after the other, the last just before the kill.
    for (const key of keys) expect((await server.write(writer, key)).status).toBe(200)
    await server.restart('SIGKILL')
    expect(await server.keysOf(writer.did)).toEqual(keys)
    expect((await server.write(writer, 'last')).status).toBe(200)
    // What subscribers saw may be gone where the machine lost its power: a number is not given twice.
    expect(await newest(server)).toBe(before + keys.length + MARGIN + 1)
    await server.checkStream(writer)
  })

  test.each([
    ['normal, but it was stopped', 'normal', 'SIGTERM'],
    ['full', 'full', 'SIGKILL'],
  ] as const)('%s: event numbers go on without a gap', async (_name, synchronous, signal) => {
    const server = await start(synchronous)
    const writer = await server.account('anna')
    const before = await newest(server)
    await server.restart(signal)
    expect((await server.write(writer, 'a')).status).toBe(200)
    expect(await newest(server)).toBe(before + 1)
  })
})

test('a server that syncs nothing before its answers says so at the start', async () => {
  const lines: string[] = []
  const keep = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`)
  const log: Logger = { info: keep('info'), warn: keep('warn'), error: keep('error'), debug: keep('debug') }
  const told = async (settings: Partial<PdsConfig>): Promise<string[]> => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'avocet-pds-durability-'))
    onTestFinished(() => rm(dataDirectory, { recursive: true }))
    lines.length = 0
    const stores = await openSqliteStores(resolveConfig({ dataDirectory, ...settings }), log)
    stores.db.close()
    return [...lines]
  }
  expect(await told({ sqliteSynchronous: 'normal' })).toEqual([
    'warn PDS_SQLITE_SYNCHRONOUS is normal: the last writes may be lost if the machine loses power',
  ])
  expect(await told({})).toEqual([])
})

test('a server that was cut off says what to do if the machine lost power, unless it waits for the disk', async () => {
  const lines: string[] = []
  const log: Logger = { ...SILENT, warn: (_, message) => void lines.push(message) }
  const opened = async (sqliteSynchronous: PdsConfig['sqliteSynchronous']): Promise<string[]> => {
    const [dataDirectory, copy] = [await folder(), await folder()]
    const running = await openSqliteStores(resolveConfig({ dataDirectory, sqliteSynchronous }))
    // As its files are while it runs.
    await cp(dataDirectory, copy, { recursive: true })
    running.db.close()
    lines.length = 0
    const stores = await openSqliteStores(resolveConfig({ dataDirectory: copy, sqliteSynchronous }), log)
    stores.db.close()
    return [...lines]
  }
  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), 'avocet-pds-durability-'))
    onTestFinished(() => rm(made, { recursive: true }))
    return made
  }
  expect(await opened('normal')).toEqual([
    'PDS_SQLITE_SYNCHRONOUS is normal: the last writes may be lost if the machine loses power',
    'the server was cut off, and did not wait for the disk: if the machine lost power, run avocet-pds announce --all',
  ])
  expect(await opened('full')).toEqual([])
})

test.each([
  [
    { PDS_SQLITE_SYNCHRONOUS: 'off' },
    'avocet-pds: PDS_SQLITE_SYNCHRONOUS: expected full or normal, got "off"\n',
  ],
  [
    { PDS_SQLITE_SYNCHRONUS: 'full' },
    'avocet-pds: PDS_SQLITE_SYNCHRONUS: no such setting, did you mean PDS_SQLITE_SYNCHRONOUS? Rename or remove it\n',
  ],
])('%j stops the start', async (env, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-durability-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  expect(await runCommand(['--port', '0', '--data', join(folder, 'data')], env)).toEqual({
    code: 1,
    stdout: '',
    stderr: message,
  })
})
