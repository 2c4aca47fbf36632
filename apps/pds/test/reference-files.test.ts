// Where the data of a reference PDS is looked for.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { findReference, fingerprint } from '../src/adopt/reference-files.ts'
import { CommandError } from '../src/terminal.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-pds-reference-'))
  for (const name of ['account.sqlite', 'sequencer.sqlite']) {
    await writeFile(join(folder, name), name)
  }
  await mkdir(join(folder, 'actors'))
})
afterEach(() => rm(folder, { recursive: true }))
const at = (...path: string[]): string => join(folder, ...path)

test('by their usual names, also without a folder of blobs', () => {
  expect(findReference(folder, {})).toEqual({
    accounts: at('account.sqlite'),
    sequencer: at('sequencer.sqlite'),
    actors: at('actors'),
    blobs: at('blocks'),
    temporaryBlobs: at('blocks', 'tempt'),
    quarantinedBlobs: at('blocks', 'quarantine'),
  })
})

test('by the settings, where what they name is there', async () => {
  for (const name of ['blobs', 'elsewhere', 'temporary']) {
    await mkdir(at(name))
  }
  await writeFile(at('other.sqlite'), '')
  const env = {
    PDS_ACCOUNT_DB_LOCATION: at('other.sqlite'),
    PDS_SEQUENCER_DB_LOCATION: '/pds/sequencer.sqlite',
    PDS_ACTOR_STORE_DIRECTORY: at('elsewhere'),
    PDS_BLOBSTORE_DISK_LOCATION: '',
    PDS_BLOBSTORE_DISK_TMP_LOCATION: at('temporary'),
  }
  expect(findReference(folder, env)).toEqual({
    accounts: at('other.sqlite'),
    sequencer: at('sequencer.sqlite'),
    actors: at('elsewhere'),
    blobs: at('blobs'),
    temporaryBlobs: at('temporary'),
    quarantinedBlobs: at('blobs', 'quarantine'),
  })
})

test.each(['account.sqlite', 'sequencer.sqlite', 'actors'])('%s must be there', async (name) => {
  await rm(at(name), { recursive: true })
  expect(() => findReference(folder, {})).toThrow(CommandError)
  expect(() => findReference(folder, {})).toThrow(`no reference PDS here: ${at(name)} is missing`)
})

test('a folder of blobs that is named must be there, and stands in for a bucket', async () => {
  const env = { PDS_BLOBSTORE_S3_BUCKET: 'blobs' }
  expect(() => findReference(folder, env)).toThrow('its blobs are in S3')
  expect(() => findReference(folder, {}, at('copy'))).toThrow(
    `no reference PDS here: ${at('copy')} is missing`,
  )
  await mkdir(at('copy'))
  expect(findReference(folder, env, at('copy'))).toMatchObject({
    blobs: at('copy'),
    quarantinedBlobs: at('copy', 'quarantine'),
  })
})

test('a server that writes meanwhile is noticed, by its databases and their logs', async () => {
  const places = findReference(folder, {})
  const seen = [fingerprint(places)]
  for (const name of ['account.sqlite', 'sequencer.sqlite', 'account.sqlite-wal', 'sequencer.sqlite-wal']) {
    await writeFile(at(name), `more of ${name}`)
    seen.push(fingerprint(places))
  }
  expect(new Set(seen).size).toBe(5)
  expect(fingerprint(places)).toBe(seen.at(-1))
})
