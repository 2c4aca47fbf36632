// Brings a machine that has only Node >= 20 and npm to where the workspace's own tools run, then hands over.
// Plain JavaScript without dependencies: it runs before anything is installed.
//
//   node scripts/bootstrap.mjs start [...flags]   apps/network/src/main.ts
//   node scripts/bootstrap.mjs test  [...flags]   scripts/test.ts
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
const [command, ...flags] = process.argv.slice(2)
const scripts = { start: 'apps/network/src/main.ts', test: 'scripts/test.ts' }

if (!command || !Object.hasOwn(scripts, command)) {
  fail(`unknown command; got=${command ?? 'none'} known=${Object.keys(scripts).join(',')}`)
}
if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`Node 20 or newer is needed to install the workspace; found=${process.versions.node}`)
}

installIfNeeded()
run(scripts[command])

/** Installs with the pinned pnpm, unless the last finished install was of the same lock file. */
function installIfNeeded() {
  const marker = join(root, 'node_modules', '.avocet-installed')
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']) {
    hash.update(readFileSync(join(root, file)))
  }
  const wanted = hash.digest('hex')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return

  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  console.log(
    `avocet: installing dependencies with ${packageManager} (first time, or the lock file changed) …`,
  )
  const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx'
  const install = spawnSync(
    npx,
    ['-y', packageManager, 'install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=error'],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' },
  )
  if (install.error) fail(`could not start npx; ${install.error.message}`)
  if (install.status !== 0) {
    fail(
      'installing dependencies failed; see the message above. Is the npm registry reachable and the disk not full?',
    )
  }
  writeFileSync(marker, wanted)
}

/** Runs one of the scripts with the workspace's own Node, passing signals and the exit code through. */
function run(script) {
  const bin = join(root, 'node_modules', '.bin')
  const child = spawn(join(bin, 'node'), [join(root, script), ...flags], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: bin + delimiter + (process.env.PATH ?? ''),
      TURBO_TELEMETRY_DISABLED: '1',
      DO_NOT_TRACK: '1',
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`could not start the workspace's Node; ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}

function fail(message) {
  console.error(`avocet: ${message}`)
  process.exit(1)
}
