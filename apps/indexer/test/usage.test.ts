// What the flags and the environment come to, without starting anything.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { addCommands } from '../src/commands/commands.ts'
import type { ReplayOptions } from '../src/commands/replay.ts'
import type { VerifyOptions } from '../src/commands/verify.ts'
import { defaults, type IndexerConfig } from '../src/config.ts'
import { IndexerError } from '../src/errors.ts'

let printed: string
beforeEach(() => {
  printed = ''
  const print = (text: string | Uint8Array): boolean => {
    printed += String(text)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(print)
  vi.spyOn(process.stderr, 'write').mockImplementation(print)
  vi.spyOn(console, 'error').mockImplementation((text) => void print(`${text}\n`))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

async function use(
  args: readonly string[],
  exit: number | Error = 0,
): Promise<{
  code: number
  config?: IndexerConfig
  replayed?: ReplayOptions
  verified?: VerifyOptions
  reported?: object
}> {
  const got: {
    config?: IndexerConfig
    replayed?: ReplayOptions
    verified?: VerifyOptions
    reported?: object
  } = {}
  const end = async (): Promise<number> => {
    if (exit instanceof Error) throw exit
    return exit
  }
  const commands = addCommands(process.env, {
    run: (config) => {
      got.config = config
      return end()
    },
    replay: (options) => {
      got.replayed = options
      return end()
    },
    verify: (options) => {
      got.verified = options
      return end()
    },
    coverage: (options) => {
      got.reported = options
      return end()
    },
  })
  return { code: await commands.run(['node', 'avocet-indexer', ...args]), ...got }
}
const sourcesOf = async (...args: string[]): Promise<string[] | undefined> =>
  (await use(args)).config?.sources.map(({ kind, url, start }) => `${kind} ${url} ${start}`)

describe('sources', () => {
  test('are the network’s relay, unless others are named', async () => {
    expect(await sourcesOf()).toEqual(['relay wss://bsky.network live'])
    expect(await sourcesOf('run', '--source=pds.example')).toEqual(['pds wss://pds.example oldest'])
    expect(await sourcesOf('--relay=a.example', '--relay=b.example', '--source=c.example')).toEqual([
      'relay wss://a.example live',
      'relay wss://b.example live',
      'pds wss://c.example oldest',
    ])
  })

  test('a relay is followed from its oldest event when that is asked for; a PDS always is', async () => {
    expect(await sourcesOf('--from-oldest', '--relay=a.example', '--source=b.example')).toEqual([
      'relay wss://a.example oldest',
      'pds wss://b.example oldest',
    ])
  })

  test('of the environment give way to those of flags', async () => {
    vi.stubEnv('AVOCET_RELAY', 'a.example,b.example')
    vi.stubEnv('AVOCET_SOURCE', 'c.example')
    expect(await sourcesOf()).toEqual([
      'relay wss://a.example live',
      'relay wss://b.example live',
      'pds wss://c.example oldest',
    ])
    expect(await sourcesOf('--relay=d.example', '--source=e.example', '--source=f.example')).toEqual([
      'relay wss://d.example live',
      'pds wss://e.example oldest',
      'pds wss://f.example oldest',
    ])
  })

  test('given twice are refused, also as a relay and a PDS', async () => {
    expect(await use(['--relay=a.example', '--source=https://a.example/'])).toEqual({ code: 1 })
    expect(printed).toBe('avocet-indexer: Given twice: wss://a.example\n')
  })
})

test('run: what is left out, and what is said', async () => {
  expect((await use([])).config).toEqual({
    dataFolder: './data/indexer',
    host: '127.0.0.1',
    port: 2584,
    sources: [{ url: 'wss://bsky.network', kind: 'relay', start: 'live' }],
    plcUrl: 'https://plc.directory',
    collections: null,
    everything: false,
    directories: [],
    backfill: true,
    repos: [],
    allowLoopback: false,
    logRetentionMs: 72 * 3_600_000,
    logBytes: defaults.logBytes,
    consumerRetentionMs: 14 * 24 * 3_600_000,
    streams: defaults.streams,
    lexicons: [],
    updateLexicons: false,
    indexes: [],
    searches: [],
    queries: [],
    accountQuota: defaults.accountQuota,
    resyncIntervalMs: 60_000,
    audit: { perMinute: 1, bytesPerDay: 2 ** 30 },
    workers: defaults.workers,
  })
  const { config } = await use([
    '--data=/d',
    '--host=0.0.0.0',
    '--port=0',
    '--source=ws://localhost:1',
    '--plc-url=http://localhost:2/',
    '--collections=a.b.c,d.e.*',
    '--lexicons=/l',
    '--lexicons=/m',
    '--update-lexicons',
    '--dns=127.0.0.1:53',
    '--index=a.b.c:x,y+z',
    '--search=a.b.c:x,y:trigram',
    '--signal-collection=s.s.s',
    '--everything',
    '--directory=http://localhost:3/',
    '--directory=http://localhost:4',
    '--no-backfill',
    '--repos=did:web:a.example,did:web:b.example',
    '--allow-loopback',
    '--log-hours=0.5',
    '--log-mb=7',
    '--consumer-hours=1.5',
    '--subscribers=9',
    '--subscribers-per-address=0',
    '--zstd-dictionary=/z',
    '--workers=3',
    '--account-mb=5',
    '--queries=/q.json',
    '--resync-seconds=0.5',
    '--audit-per-minute=0',
    '--audit-mb-per-day=7',
  ])
  expect(config).toEqual({
    dataFolder: '/d',
    host: '0.0.0.0',
    port: 0,
    sources: [{ url: 'ws://localhost:1', kind: 'pds', start: 'oldest' }],
    plcUrl: 'http://localhost:2',
    collections: ['a.b.c', 'd.e.*'],
    signalCollection: 's.s.s',
    everything: true,
    directories: ['http://localhost:3', 'http://localhost:4'],
    backfill: false,
    repos: ['did:web:a.example', 'did:web:b.example'],
    allowLoopback: true,
    logRetentionMs: 1_800_000,
    logBytes: 7 * 1024 ** 2,
    consumerRetentionMs: 5_400_000,
    streams: { subscribers: 9, perAddress: 0 },
    zstdDictionary: '/z',
    accountQuota: 5 * 1024 ** 2,
    lexicons: ['/l', '/m'],
    updateLexicons: true,
    dns: ['127.0.0.1:53'],
    searches: [{ collection: 'a.b.c', kind: 'trigram', fields: ['x', 'y'] }],
    indexes: [{ collection: 'a.b.c', indexes: ['x', 'y+z'] }],
    queries: ['/q.json'],
    resyncIntervalMs: 500,
    audit: { perMinute: 0, bytesPerDay: 7 * 1024 ** 2 },
    workers: 3,
  })
})

test('verify and coverage: what is left out, and what is said', async () => {
  const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
  expect((await use(['verify', did])).verified).toEqual({
    dids: [did],
    dataFolder: './data/indexer',
    plcUrl: 'https://plc.directory',
    collections: null,
    allowLoopback: false,
    json: false,
  })
  const args = [
    '--data=/d',
    '--plc-url=https://plc.example',
    '--collections=a.b.c',
    '--allow-loopback',
    '--json',
  ]
  const other = 'did:web:other.example'
  expect((await use(['verify', did, other, ...args])).verified).toEqual({
    dids: [did, other],
    dataFolder: '/d',
    plcUrl: 'https://plc.example',
    collections: ['a.b.c'],
    allowLoopback: true,
    json: true,
  })
  expect((await use(['verify', did], 3)).code).toBe(3)
  for (const wrong of [['verify'], ['coverage', '--url=x']]) {
    expect((await use(wrong)).code).toBe(2)
  }
  expect((await use(['verify', 'ada'])).code).not.toBe(0)
  expect((await use(['coverage'])).reported).toEqual({ url: 'http://localhost:2584', json: false })
  expect((await use(['coverage', '--url=https://i.example', '--json'])).reported).toEqual({
    url: 'https://i.example',
    json: true,
  })
})

test('replay: what is left out, and what is said', async () => {
  expect((await use(['replay', 'f.bin'])).replayed).toEqual({
    frames: 'f.bin',
    didDocs: null,
    plcUrl: 'https://plc.directory',
    dataFolder: null,
    collections: null,
    quiet: false,
    json: false,
  })
  const args = [
    '--did-docs=d.json',
    '--plc-url=http://p',
    '--data=/d',
    '--collections=a.b.c',
    '--quiet',
    '--json',
  ]
  expect((await use(['replay', 'f.bin', ...args])).replayed).toEqual({
    frames: 'f.bin',
    didDocs: 'd.json',
    plcUrl: 'http://p',
    dataFolder: '/d',
    collections: ['a.b.c'],
    quiet: true,
    json: true,
  })
})

describe('exit codes', () => {
  test.each([
    [['--help'], 0],
    [['--version'], 0],
    [['fly'], 2],
    [['replay'], 2],
    [['run', '--port=x'], 2],
    [['--port=65536'], 2],
    [['--log-hours=0'], 2],
    [['--log-mb=0'], 2],
    [['--subscribers=-1'], 2],
    [['--subscribers-per-address=x'], 2],
    [['--workers=65'], 2],
    [['--workers=-1'], 2],
    [['--collections=post'], 2],
    [['--relay=ftp://x'], 1],
  ])('%j: %i, and nothing is started', async (args, code) => {
    expect(await use(args)).toEqual({ code })
  })

  test('wrong usage is named', async () => {
    await use(['run', '--collections=post'])
    expect(printed).toContain('Not a collection: post')
  })

  test('are those of the command; what cannot start says why', async () => {
    expect(await use(['replay', 'f.bin'], 1)).toMatchObject({ code: 1 })
    expect(await use([], new IndexerError('data-folder', 'Cannot use /d'))).toMatchObject({ code: 1 })
    expect(printed).toBe('avocet-indexer: Cannot use /d\n')
    await expect(use([], new TypeError('a fault of ours'))).rejects.toThrow('a fault of ours')
  })
})
