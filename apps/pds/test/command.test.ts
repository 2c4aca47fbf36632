import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { createPds } from '../src/app.ts'
import { explainFailure } from '../src/config/explain-failure.ts'
import { SETTINGS } from '../src/config/settings.ts'
import { runCommand, startCommand } from './command.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-pds-command-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('--help lists every setting with its default', async () => {
  const { code, stdout } = await runCommand(['--help'])
  expect(code).toBe(0)
  const text = stdout.replaceAll(/\s+/g, ' ')
  for (const { env, flag, default: value } of SETTINGS) {
    expect(text).toContain(env)
    expect(text).toContain(`default: ${value.replaceAll(/\s+/g, ' ')}`)
    if (flag !== undefined) expect(text).toContain(flag)
  }
})

test('a bad value ends with one clear message', async () => {
  const { code, stdout, stderr } = await runCommand(['--data', folder, '--port', 'abc'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe('avocet-pds: --port: expected a whole number from 0 to 65535, got "abc"\n')
})

/** What the command says when the server cannot start. */
const startFailure = async (options: { dataDirectory: string; port?: number }): Promise<string> => {
  const outcome = await createPds({ port: 0, ...options }).catch((error: unknown) => explainFailure(error))
  if (typeof outcome === 'string') return outcome
  await outcome.close()
  return 'started'
}

test('a port in use and a broken data directory are explained in one line', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const taken = await startFailure({ port, dataDirectory: join(folder, 'taken') })
  other.close()
  expect(taken).toBe(`the port is in use; listen EADDRINUSE: address already in use 127.0.0.1:${port}`)

  const file = join(folder, 'file')
  await writeFile(file, '')
  expect(await startFailure({ dataDirectory: join(file, 'x') })).toContain('cannot use the data directory')

  const broken = join(folder, 'broken')
  expect(await startFailure({ dataDirectory: broken })).toBe('started')
  await writeFile(join(broken, 'pds.sqlite'), 'this is not a database, whatever its name says'.repeat(100))
  expect(await startFailure({ dataDirectory: broken })).toContain('cannot open the data directory')
  const damaged = join(folder, 'damaged')
  await mkdir(damaged)
  await writeFile(join(damaged, 'secrets.json'), '{}')
  expect(await startFailure({ dataDirectory: damaged })).toContain('the secrets are damaged')
})

test('a signal stops it cleanly; its secrets are its owner’s alone and stay', async () => {
  const data = join(folder, 'signals')
  const pds = await startCommand(['--port', '0', '--data', data])
  const socket = new WebSocket(`${pds.url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos`)
  await once(socket, 'open')
  const closed = once(socket, 'close')
  expect(await pds.stop('SIGINT')).toBe(0)
  await closed
  const secrets = join(data, 'secrets.json')
  const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777
  expect([await mode(data), await mode(secrets), await mode(join(data, 'pds.sqlite'))]).toEqual([
    0o700, 0o600, 0o600,
  ])
  const before = await readFile(secrets, 'utf8')
  await createPds({ port: 0, dataDirectory: data }).then((again) => again.close())
  expect(await readFile(secrets, 'utf8')).toBe(before)
})
