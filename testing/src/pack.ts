// Packs public packages as they would be published.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of a package.json, what is read here. */
export type Manifest = {
  name: string
  private?: boolean
  exports?: Record<string, unknown>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const root = join(import.meta.dirname, '../..')

/** Folders of all public packages and apps. */
export function publicFolders(): string[] {
  return ['packages', 'apps']
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
    .filter((folder) => existsSync(join(folder, 'package.json')) && !readManifest(folder).private)
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** Packs them all into a folder. @returns the tarball of each package by its name; one that was not packed is missing */
export function packAll(target: string): Map<string, string> {
  const filters = ['--filter', './packages/*', '--filter', './apps/*']
  run('pnpm', ['-r', ...filters, 'pack', '--pack-destination', target], root)
  const files = readdirSync(target)
  const tarballs = publicFolders().flatMap((folder): [string, string][] => {
    const { name } = readManifest(folder)
    const file = files.find((one) => one.startsWith(`${name.replace('@', '').replace('/', '-')}-0`))
    return file === undefined ? [] : [[name, join(target, file)]]
  })
  return new Map(tarballs)
}

/** Runs a command to its end. @throws Error with what it said, where it fails */
export function run(name: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(name, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} failed\n${stdout}${stderr}`)
}
