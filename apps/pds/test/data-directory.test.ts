import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { migrate, openDatabase, schemaVersions } from '@avocet/sqlite'
import { onlySqlite } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createPds, type PdsOptions } from '../src/app.ts'
import { backup } from '../src/commands/backup.ts'
import { resolveConfig } from '../src/config/config.ts'
import { explainFailure } from '../src/config/explain-failure.ts'
import { SILENT } from '../src/logger.ts'
import { prepareUpgrade, SCHEMA } from '../src/stores/sqlite/upgrade.ts'
import { ADMIN_PASSWORD, startNetwork } from './network.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'avocet-pds-directory-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** How a start on a folder with these files and folders (those that end with a slash) ends. */
async function start(
  name: string,
  entries: readonly string[],
  options: Partial<PdsOptions> = {},
): Promise<string> {
  const dataDirectory = join(root, name)
  await mkdir(dataDirectory, { recursive: true })
  for (const entry of entries) {
    if (entry.endsWith('/')) await mkdir(join(dataDirectory, entry), { recursive: true })
    else await writeFile(join(dataDirectory, entry), '')
  }
  const outcome = await createPds({ port: 0, dataDirectory, ...options }).catch(explainFailure)
  if (typeof outcome === 'string') return outcome
  await outcome.close()
  return 'started'
}

test.each([
  ['account.sqlite', ['account.sqlite']],
  ['sequencer.sqlite', ['sequencer.sqlite']],
  ['did_cache.sqlite', ['did_cache.sqlite']],
  ['actors', ['actors/']],
  ['account.sqlite, actors', ['account.sqlite', 'actors/', 'blocks/did:plc:abc/', 'pds.env']],
])(
  'the data of a reference PDS (%s) is refused with the way to take it over (B2)',
  async (found, entries) => {
    const name = `reference-${found.replaceAll(/\W+/g, '-')}`
    const path = join(root, name)
    expect(await start(name, entries)).toBe(
      `the data directory holds the data of a reference PDS (${found}); path=${path}\n` +
        `To take it over into an empty directory, run: avocet-pds --data <new directory> adopt ${path}`,
    )
    expect((await readdir(path)).toSorted()).toEqual(entries.map((entry) => entry.split('/')[0]).toSorted())
  },
)

test('no relay is asked to crawl a server that is refused (B2)', async () => {
  let asked = 0
  const relay = createServer((_, response) => {
    asked++
    response.end()
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const crawlers = [`http://127.0.0.1:${(relay.address() as AddressInfo).port}`]
  expect(await start('crawled', ['account.sqlite'], { crawlers })).toContain('a reference PDS')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(asked).toBe(0)
  relay.close()
})

test('a start beside the data of a reference PDS that made an empty database is refused too (B2)', async () => {
  expect(await start('beside', [])).toBe('started')
  expect(await start('beside', ['account.sqlite', 'actors/'])).toContain('a reference PDS')
})

test('any other directory with something in it is refused (B2)', async () => {
  expect(await start('other', ['photo.jpg', 'letters/'])).toContain(
    'the data directory is not empty and not that of this server (letters, photo.jpg)',
  )
  expect(await start('blobs-alone', ['blobs/did:plc:abc/'])).toContain('blobs of accounts but no database')
  const blobDirectory = join(root, 'blocks-alone', 'blocks')
  expect(await start('blocks-alone', ['blocks/did:plc:abc/'], { blobDirectory })).toContain(
    'blobs of accounts but no database',
  )
})

test('a directory that lost its database is refused', async () => {
  expect(await start('lost', [])).toBe('started')
  await rm(join(root, 'lost', 'pds.sqlite'))
  expect(await start('lost', [])).toContain('a server ran here, but its database is missing')
})

test('a new directory may hold what belongs to its setup', async () => {
  expect(await start('setup', ['pds.env', 'caddy/', 'lost+found/', 'blobs/temporary/', 'mail/'])).toBe(
    'started',
  )
  expect(await start('setup', ['note.txt'])).toBe('started')
})

test('the database is copied before it is upgraded; the newest copies stay', async () => {
  const dataDirectory = join(root, 'upgrade')
  expect(await start('upgrade', [])).toBe('started')
  const config = resolveConfig({ dataDirectory, upgradeBackups: 2 })
  using db = openDatabase({ path: join(dataDirectory, 'pds.sqlite') })
  // A part that is migrated but not in the list would be upgraded without a copy.
  expect([...schemaVersions(db).keys()].toSorted()).toEqual(SCHEMA.map(({ name }) => name).toSorted())
  expect(await prepareUpgrade(db, config, SILENT)).toBeNull()
  const newer = [...SCHEMA, { name: 'next', version: 1 }]
  const lines: string[] = []
  const log = { ...SILENT, info: (_: object, message: string) => lines.push(message) }
  for (const day of ['01', '02', '03']) {
    await prepareUpgrade(db, config, log, newer, new Date(`2026-01-${day}T00:00:00Z`))
  }
  expect(lines.slice(0, 2)).toEqual([
    'copying the database before it is upgraded',
    'the copy is complete, upgrading the database',
  ])
  const copies = (await readdir(join(dataDirectory, 'before-upgrade'))).toSorted()
  expect(copies).toEqual(['2026-01-02T00-00-00-000Z.sqlite', '2026-01-03T00-00-00-000Z.sqlite'])
  using copy = openDatabase({ path: join(dataDirectory, 'before-upgrade', copies[0]!), readOnly: true })
  expect(copy.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  expect(copy.prepare('SELECT count(*) AS n FROM schema_versions').get()).toEqual({ n: SCHEMA.length })
  // The copy needs as much as the database takes, not a byte more.
  const { size } = await stat(join(dataDirectory, 'pds.sqlite'))
  const room = (free: number) => prepareUpgrade(db, config, SILENT, newer, new Date(), () => free)
  await expect(room(size - 1)).rejects.toThrow(`needed=${size} free=${size - 1}`)
  expect(await room(size)).not.toBeNull()
  // An upgrade that is told to make no copy makes none.
  const none = resolveConfig({ dataDirectory, upgradeBackups: 0 })
  expect(await prepareUpgrade(db, none, SILENT, newer)).toBeNull()
})

test('a database of a newer version is refused, with the way back', async () => {
  expect(await start('newer', [])).toBe('started')
  const path = join(root, 'newer', 'pds.sqlite')
  {
    using db = openDatabase({ path })
    const { version } = SCHEMA.find(({ name }) => name === 'records')!
    migrate(db, 'other', ['CREATE TABLE other (id INTEGER)'])
    db.raw.exec(`UPDATE schema_versions SET version = ${version + 1} WHERE name = 'records'`)
  }
  await cp(path, join(root, 'untouched'))
  expect(await start('newer', [])).toMatch(
    /^the database was upgraded by a newer version of this program \(records \d+, known \d+\)\nStart the newer version again; .*avocet-pds rollback/,
  )
})

const oneProcess = onlySqlite('several processes may share a database that is elsewhere')

test.skipIf(oneProcess)(
  'two servers on one data directory: the second one says who has it, and begins once that is gone',
  async () => {
    await using net = await startNetwork()
    const options = { dataDirectory: net.folder, port: 0, plcUrl: net.directory.url, adminPassword: 'x' }
    await expect(createPds(options)).rejects.toThrow(
      `cannot use the data directory; path=${net.folder} reason=another avocet-pds is using it (process ${process.pid})`,
    )
    const account = await net.account()
    const copy = join(root, 'copy-beside-a-server')
    // What only reads, or copies, works beside the server.
    await backup({ ...options, adminPassword: ADMIN_PASSWORD }, copy, () => {})
    await net.restart()
    expect((await net.get('com.atproto.sync.getRepo', { params: { did: account.did } })).status).toBe(200)
  },
)
