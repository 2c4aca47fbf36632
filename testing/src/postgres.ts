// A throw-away Postgres for tests: a cluster in a temporary folder, from the installed binaries, or a schema of its own
// in the server that AVOCET_TEST_POSTGRES_URL names.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A running server. */
export interface TestPostgres {
  /** A connection string. */
  readonly url: string
  /** Stops the server, if it is ours, and deletes it. */
  close(): Promise<void>
  /** Ends it at once, as a crash does; null where it is not ours. */
  readonly crash: (() => Promise<void>) | null
  /** Starts it anew after a crash, on the same data and at the same port. */
  start(): Promise<void>
}

const installed = '/usr/lib/postgresql'

/**
 * Starts a server, or says why there is none and returns null.
 *
 * @param settings such as `['fsync=on']`; by default it runs without syncing to the disk, since it is thrown away.
 */
export async function startPostgres(
  settings: readonly string[] = ['fsync=off'],
): Promise<TestPostgres | null> {
  const given = process.env['AVOCET_TEST_POSTGRES_URL']
  if (given !== undefined) return { url: given, close: async () => {}, crash: null, start: async () => {} }
  const binaries = findBinaries()
  if (binaries === null) {
    console.warn(`SKIPPED: no Postgres in ${installed} and no AVOCET_TEST_POSTGRES_URL`)
    return null
  }
  const folder = mkdtempSync(join(tmpdir(), 'avocet-postgres-'))
  // initdb and the server refuse to run as root.
  const user = process.getuid?.() === 0 ? findUser() : null
  if (user !== null) chownSync(folder, user.uid, user.gid)
  const options = { cwd: folder, ...user }
  const data = join(folder, 'data')
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '--no-sync', '-E', 'UTF8', '--locale=C'],
    {
      ...options,
      stdio: 'ignore',
    },
  )
  const port = await freePort()
  const flags = settings.flatMap((setting) => ['-c', setting])
  const run = async (): Promise<ChildProcess> => {
    const child = spawn(
      join(binaries, 'postgres'),
      ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', ...flags],
      { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    await ready(child)
    return child
  }
  let server = await run()
  const crash = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server.once('exit', resolve))
    // An immediate shutdown: nothing is written, nobody is asked.
    server.kill('SIGQUIT')
    await ended
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    crash,
    start: async () => {
      server = await run()
    },
    async close() {
      await crash()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function findBinaries(): string | null {
  try {
    const newest = readdirSync(installed).toSorted((a, b) => Number(b) - Number(a))[0]
    return newest === undefined ? null : join(installed, newest, 'bin')
  } catch {
    return null
  }
}

/** The path of `psql`, or null without a Postgres. */
export function findPsql(): string | null {
  const binaries = findBinaries()
  return binaries === null ? null : join(binaries, 'psql')
}

function findUser(): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  const entry = ['postgres', 'nobody']
    .map((name) => lines.find((line) => line.startsWith(`${name}:`)))
    .find(Boolean)
  const [, , uid, gid] = (entry ?? 'nobody:x:65534:65534').split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    const timeout = setTimeout(() => reject(new Error(`Postgres did not start:\n${log}`)), 30_000)
    server.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      if (!log.includes('ready to accept connections')) return
      clearTimeout(timeout)
      server.stderr?.removeAllListeners('data')
      server.stderr?.resume()
      resolve()
    })
    server.once('exit', (code) => reject(new Error(`Postgres ended with ${code}:\n${log}`)))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
