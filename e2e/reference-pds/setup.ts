// Installs the reference PDS by its lock file into a cache folder and builds its native addon there, once a lock file.
// Its addon aborts on Node 24, so it runs on the Node 22 that npm's node-linux-* packages bring, headers included.
//
//   node e2e/reference-pds/setup.ts     prints the folder, or why there is none
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { copyFile, rename } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Where the reference PDS is and the Node that runs it, or why it cannot be had on this machine. */
export type Reference =
  | { readonly ok: true; readonly folder: string; readonly node: string; readonly version: string }
  | { readonly ok: false; readonly reason: string }

/** An install and a compilation; about two minutes on two cores. */
const STEP_MS = 8 * 60_000

const here = import.meta.dirname

/**
 * The reference PDS, ready to run. `AVOCET_REFERENCE_PDS` names a folder that is built already; otherwise the first call
 * builds one under the user's cache folder, and calls that run meanwhile, in other processes too, wait for it.
 */
export async function prepareReference(): Promise<Reference> {
  const given = process.env['AVOCET_REFERENCE_PDS']
  if (given) return find(given)
  const lockFile = readFileSync(join(here, 'package-lock.json'))
  const hash = createHash('sha256').update(lockFile).digest('hex').slice(0, 16)
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const folder = join(cache, 'avocet', `reference-pds-${hash}`)
  if (existsSync(folder)) return find(folder)
  mkdirSync(dirname(folder), { recursive: true })
  const release = await lock(`${folder}.lock`)
  try {
    if (existsSync(folder)) return find(folder)
    const draft = `${folder}.draft`
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft)
    const reason = await build(draft)
    if (reason !== null) return { ok: false, reason }
    await rename(draft, folder)
    return find(folder)
  } finally {
    release()
  }
}

function find(folder: string): Reference {
  const node = [join(folder, 'node'), runtime(folder) + '/bin/node'].find((path) => existsSync(path))
  const manifest = join(folder, 'node_modules/@atproto/pds/package.json')
  if (node === undefined || !existsSync(manifest)) {
    return { ok: false, reason: `no reference PDS with its Node in ${folder}` }
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return { ok: true, folder, node, version }
}

const runtime = (folder: string): string =>
  join(folder, 'node_modules', `node-${process.platform}-${process.arch}`)

/** Fills the folder. Null when it is whole, else why not. */
async function build(folder: string): Promise<string | null> {
  for (const name of ['package.json', 'package-lock.json'])
    await copyFile(join(here, name), join(folder, name))
  const log = join(folder, 'setup.log')
  // No install script of 600 packages runs; the one addon that is needed is built below.
  const installed = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder, log)
  if (installed !== null) return `npm could not install it (${installed})`
  const node = join(runtime(folder), 'bin/node')
  if (!existsSync(node)) return `npm has no Node 22 for ${process.platform}-${process.arch}`
  const gyp = join(folder, 'node_modules/node-gyp/bin/node-gyp.js')
  const args = [gyp, 'rebuild', '--release', `--nodedir=${runtime(folder)}`]
  const built = await run(node, args, join(folder, 'node_modules/better-sqlite3'), log)
  return built === null
    ? null
    : `its native addon could not be built: python3, make and a C++ compiler are needed (${built})`
}

/** Null when the command ended well, else the end of what it said. */
function run(command: string, args: readonly string[], cwd: string, logFile: string): Promise<string | null> {
  const log = openSync(logFile, 'a')
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', log, log], timeout: STEP_MS })
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code) => {
      const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-3).join(' | ')
      resolve(code === 0 ? null : tail)
    })
    closeSync(log)
  })
}

/** Waits until no other living process holds the file, and holds it. */
async function lock(file: string): Promise<() => void> {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return () => rmSync(file, { force: true })
    } catch {
      if (!isAlive(file)) rmSync(file, { force: true })
      else await delay(500)
    }
  }
}

function isAlive(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0)
    return true
  } catch {
    return false
  }
}

if (import.meta.main) {
  const reference = await prepareReference()
  console.log(
    reference.ok ? `the reference PDS ${reference.version} is in ${reference.folder}` : reference.reason,
  )
}
