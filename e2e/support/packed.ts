// A folder outside of the workspace, as somebody has it who installed our packages from npm.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { packAll, run } from '@avocet/testing/pack'

const root = join(import.meta.dirname, '../..')

/** The folder while it is there. */
export interface PackedFolder extends Disposable {
  readonly folder: string
}

/**
 * Packs our packages as `tsc -b` last built them, and installs them with peers into an empty folder: each sees what its package.json names and nothing else.
 * @param ours names of packages without the scope
 * @param peers names of packages in the catalog of the workspace, whose versions they get
 * @returns null, and says so, where npm's registry cannot be reached and this machine has not asked it before
 */
export function installPacked(ours: readonly string[], peers: readonly string[]): PackedFolder | null {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-packed-'))
  const dispose = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const tarballs = packAll(join(folder, 'tarballs'))
    const local = (name: string): string => `file:${tarballs.get(name)!}`
    const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
    const versionOf = (name: string): string => {
      const found = new RegExp(`^  '?${name}'?: (.+)$`, 'm').exec(catalog)?.[1]
      if (found === undefined) throw new Error(`not in the catalog: ${name}`)
      return found
    }
    const dependencies = {
      ...Object.fromEntries(ours.map((name) => [`@avocet/${name}`, local(`@avocet/${name}`)])),
      ...Object.fromEntries(peers.map((name) => [name, versionOf(name)])),
    }
    write(folder, 'package.json', { name: 'outside', private: true, type: 'module', dependencies })
    // What is not on the registry yet comes from the tarballs, at any depth.
    const overrides = Object.fromEntries([...tarballs.keys()].map((name) => [name, local(name)]))
    write(folder, 'pnpm-workspace.yaml', { overrides, ignoreScripts: true, strictDepBuilds: false })
    // What peers depend on has the versions of the workspace, wherever those fit.
    cpSync(join(root, 'pnpm-lock.yaml'), join(folder, 'pnpm-lock.yaml'))
    run('pnpm', ['install', '--prefer-offline', '--no-frozen-lockfile', '--reporter=silent'], folder)
    return { folder, [Symbol.dispose]: dispose }
  } catch (error) {
    dispose()
    if (!UNREACHABLE.test((error as Error).message)) throw error
    console.warn('SKIPPED: no registry; programs are not run from packed tarballs')
    return null
  }
}

/** What pnpm says where nobody answers. */
const UNREACHABLE = /error sending request/

/** JSON is YAML. */
function write(folder: string, file: string, value: unknown): void {
  writeFileSync(join(folder, file), JSON.stringify(value, null, 2))
}

/** Puts a folder of the workspace there. */
export function copyInto(packed: PackedFolder, from: string, to: string): string {
  const target = join(packed.folder, to)
  cpSync(from, target, { recursive: true })
  return target
}

/** Runs a command that a package installed there brings. @param folder where, from the folder of all */
export function runTool(packed: PackedFolder, command: string, folder: string): void {
  const [name, ...args] = command.split(' ')
  run(join(packed.folder, 'node_modules/.bin', name!), args, join(packed.folder, folder))
}

/** Type-checks files of the folder. @returns what tsc says: nothing where all is well */
export function checkTypes(packed: PackedFolder, include: readonly string[], skipLibCheck: boolean): string {
  const config = `tsconfig.${skipLibCheck ? 'loose' : 'strict'}.json`
  write(packed.folder, config, {
    compilerOptions: {
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable', 'esnext.array'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      erasableSyntaxOnly: true,
      allowImportingTsExtensions: true,
      verbatimModuleSyntax: true,
      noEmit: true,
      skipLibCheck,
    },
    include,
  })
  const options = { cwd: packed.folder, encoding: 'utf8' } as const
  return spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', config], options).stdout
}
