// Lints what is used to run the PDS on a machine of its own: Dockerfile, compose file, Caddyfile, units, scripts. A linter that
// is not on this machine is named, not passed over: `.ci/run` installs them.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { validate } from 'dockerfile-utils'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'deploy', 'pds')
const work = mkdtempSync(join(tmpdir(), 'avocet-deploy-'))
const env = { ...process.env, PDS_HOSTNAME: 'pds.example.com' }
let problems = 0
let checked = 0
let skipped = 0

try {
  checkDockerfile()
  checkCompose()
  checkCaddyfile()
  checkUnits()
  checkScripts()
} finally {
  rmSync(work, { recursive: true, force: true })
}
console.log(`deploy files: ${checked} checks, ${problems} problems, ${skipped} skipped`)
process.exitCode = problems === 0 ? 0 : 1

function checkDockerfile(): void {
  checked++
  const text = readFileSync(join(root, 'Dockerfile'), 'utf8')
  for (const { message, range } of validate(text)) problem(`Dockerfile:${range.start.line + 1}: ${message}`)
  const manifest = readFileSync(join(root, 'node_modules', 'node', 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const images = [...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
  for (const image of images) {
    if (image !== `node:${version}-bookworm-slim`)
      problem(`Dockerfile: ${image} is not Node ${version}, which is tested`)
  }
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    packageManager: string
  }
  const needed = [
    `npx -y ${packageManager} install --frozen-lockfile`,
    'node scripts/deploy.ts pds /app',
    'USER node',
    'HEALTHCHECK ',
  ]
  for (const line of needed) if (!text.includes(line)) problem(`Dockerfile: no "${line}"`)
  if (text.lastIndexOf('USER node') < text.lastIndexOf('FROM '))
    problem('Dockerfile: what runs is not run by a user')
}

function checkCompose(): void {
  const tool = find('docker-compose')
  if (tool === null) return skip('compose.yaml', 'docker-compose')
  // The settings are the operator's: an example stands in for them.
  const copy = join(work, 'compose.yaml')
  writeFileSync(copy, readFileSync(join(folder, 'compose.yaml')))
  writeFileSync(join(work, 'pds.env'), readFileSync(join(folder, 'pds.env.example')))
  run(tool, ['-f', copy, 'config', '-q'])
}

function checkCaddyfile(): void {
  const tool = find('caddy')
  if (tool === null) return skip('Caddyfile', 'caddy')
  const path = join(folder, 'Caddyfile')
  run(tool, ['validate', '--config', path, '--adapter', 'caddyfile'])
  const formatted = spawnSync(tool, ['fmt', path], { encoding: 'utf8', env })
  if (formatted.stdout !== readFileSync(path, 'utf8')) problem('Caddyfile: not as "caddy fmt" writes it')
}

function checkUnits(): void {
  const tool = find('systemd-analyze')
  if (tool === null) return skip('units of systemd', 'systemd-analyze')
  const names = ['avocet-pds.service', 'avocet-pds-backup.service', 'avocet-pds-backup.timer']
  for (const name of names) {
    // Programs that an operator installs are not on this machine: others stand in for them.
    const text = readFileSync(join(folder, name), 'utf8')
      .replaceAll('/usr/bin/node', process.execPath)
      .replaceAll('/opt/avocet-pds/nightly-backup.sh', '/bin/sh')
    writeFileSync(join(work, name), text)
  }
  for (const name of names) run(tool, ['verify', '--man=no', join(work, name)], 'strict')
  // 0 is nothing exposed, 100 all; what is left is the network and the compiler of Node.
  for (const name of names.slice(0, 2)) {
    run(tool, ['security', '--offline=yes', '--threshold=25', '--no-pager', join(work, name)])
  }
}

function checkScripts(): void {
  const paths = ['avocet-pds', 'nightly-backup.sh'].map((name) => join(folder, name))
  for (const path of paths) run('/bin/sh', ['-n', path])
  const tool = find('shellcheck')
  if (tool === null) return skip('scripts', 'shellcheck')
  run(tool, paths)
}

/** Runs a linter; strict ones must not even warn. */
function run(tool: string, args: readonly string[], strict?: 'strict'): void {
  checked++
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8', cwd: work, env })
  if (status === 0 && (strict === undefined || stderr.trim() === '')) return
  problem(`${tool} ${args.join(' ')}\n${stdout}${stderr}`)
}

function find(name: string): string | null {
  for (const place of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      accessSync(join(place, name), constants.X_OK)
      return join(place, name)
    } catch {
      // Not here.
    }
  }
  return null
}

function skip(what: string, tool: string): void {
  skipped++
  console.warn(`SKIPPED: ${tool} is not on this machine; ${what} was not linted`)
}

function problem(text: string): void {
  problems++
  console.error(text)
}
