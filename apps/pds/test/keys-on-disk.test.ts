import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { EIO, makeFaults } from '@avocet/testing/faults'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { lastRotationKey, noteRotationKey, rotationDidKey } from '../src/config/rotation-key.ts'
import { loadSecrets } from '../src/config/secrets.ts'
import { SILENT } from '../src/logger.ts'
import { createFileMailer } from '../src/mail/file-mailer.ts'
import { canMakeFaults } from './faulty-server.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-pds-keys-'))
})
afterEach(() => rm(folder, { recursive: true }))

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)
const [ONE, OTHER] = ['ab'.repeat(32), 'cd'.repeat(32)]

test.skipIf(!canMakeFaults())('secrets that are not on the disk are not used', async () => {
  using faults = makeFaults(folder)!
  const script = `
    import { resolveConfig } from './src/config/config.ts'
    import { loadSecrets } from './src/config/secrets.ts'
    await loadSecrets(resolveConfig({ dataDirectory: process.argv[1] })).then(
      () => console.log('made'),
      (error) => console.log(error.name, error.cause.code),
    )`
  const load = async (): Promise<string> => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
      cwd: join(import.meta.dirname, '..'),
      env: { ...process.env, ...faults.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return (await text(child.stdout)).trim()
  }
  faults.sync(EIO)
  expect(await load()).toBe('DataDirectoryError EIO')
  faults.sync(0)
  expect(await load()).toBe('made')
})

test('secrets are made once, for their owner alone; damaged ones are not used', async () => {
  const config = resolveConfig({ dataDirectory: folder })
  const made = await loadSecrets(config)
  const path = join(folder, 'secrets.json')
  expect(await modeOf(path)).toBe('600')
  expect(await loadSecrets(config)).toEqual(made)
  for (const change of [
    { plcRotationKeyHex: 'x' },
    { plcRotationKeyHex: ONE.toUpperCase() },
    { jwtSecret: '' },
  ]) {
    await writeFile(path, JSON.stringify({ ...made, ...change }))
    await expect(loadSecrets(config)).rejects.toThrow(`the secrets are damaged; path=${path}`)
  }
  await writeFile(path, JSON.stringify(made))
  expect(await loadSecrets({ ...config, jwtSecret: 'given' })).toEqual({ ...made, jwtSecret: 'given' })
})

test('only what is given nowhere is made, and nothing that is given is written', async () => {
  const given = { jwtSecret: 'given', plcRotationKeyHex: ONE }
  const config = resolveConfig({ dataDirectory: folder, ...given })
  const made = await loadSecrets(config)
  expect(made).toEqual({ ...given, adminPassword: expect.stringMatching(/^[0-9a-f]{32}$/) })
  const path = join(folder, 'secrets.json')
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ adminPassword: made.adminPassword })
  expect(await loadSecrets(config)).toEqual(made)
  // The rotation key is given no more: none is made in its place.
  await noteRotationKey(folder, ONE)
  const without = resolveConfig({ dataDirectory: folder, jwtSecret: 'given' })
  await expect(loadSecrets(without)).rejects.toThrow('the rotation key of this server is missing')
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ adminPassword: made.adminPassword })
  // A secret whose loss only ends sessions is made anew, beside what is there.
  const next = await loadSecrets(resolveConfig({ dataDirectory: folder, plcRotationKeyHex: ONE }))
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
    adminPassword: made.adminPassword,
    jwtSecret: next.jwtSecret,
  })
})

test('a server that is given all its secrets writes none', async () => {
  const all = { jwtSecret: 'a', adminPassword: 'b', plcRotationKeyHex: ONE }
  expect(await loadSecrets(resolveConfig({ dataDirectory: folder, ...all }))).toEqual(all)
  await expect(stat(join(folder, 'secrets.json'))).rejects.toThrow('ENOENT')
})

test('a change of the rotation key is noticed once', async () => {
  expect(await noteRotationKey(folder, ONE)).toBe(null)
  expect(await noteRotationKey(folder, ONE)).toBe(null)
  expect(await noteRotationKey(folder, OTHER)).toBe(rotationDidKey(ONE))
  expect(await noteRotationKey(folder, OTHER)).toBe(null)
  expect(lastRotationKey(folder)).toBe(rotationDidKey(OTHER))
})

test('mail that is written to files is its owner’s alone', async () => {
  const place = join(folder, 'mail')
  const told: string[] = []
  const log = { ...SILENT, info: (data: object) => void told.push(JSON.stringify(data)) }
  await createFileMailer(place, 'from@example.com', log).send({
    to: 'me@example.com',
    subject: 'Code',
    text: 'x',
  })
  const { path, to } = JSON.parse(told[0]!) as { path: string; to: string }
  expect([await modeOf(place), await modeOf(path), to]).toEqual(['700', '600', 'm…@example.com'])
  expect(await readFile(path, 'utf8')).toContain('To: me@example.com\nSubject: Code\n')
})
