// Packs every public package as it would be published, unpacks them side by side, and imports each export from there: what
// works in the workspace through `src` must work for a user through `dist`. Then publint has its say about each.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

import { packAll, publicFolders, readManifest, run } from '../testing/src/pack.ts'

const root = join(import.meta.dirname, '..')
const work = mkdtempSync(join(tmpdir(), 'avocet-packages-'))
let problems = 0
try {
  await main()
} finally {
  rmSync(work, { recursive: true, force: true })
}
process.exitCode = problems === 0 ? 0 : 1

async function main(): Promise<void> {
  const folders = publicFolders()
  const tarballs = packAll(mkdtempSync(join(work, 'tarballs-')))

  const unpacked = folders.map((folder) => {
    const { name, dependencies } = readManifest(folder)
    const target = join(work, 'node_modules', name)
    mkdirSync(target, { recursive: true })
    const tarball = tarballs.get(name)
    if (!tarball) return problem(name, 'was not packed')
    run('tar', ['xzf', tarball, '--strip-components=1', '-C', target], root)
    linkDependencies(folder, dependencies)
    if (/tsconfig\.(?:pure|web)\.json/.test(readFileSync(join(folder, 'tsconfig.json'), 'utf8'))) {
      checkDisposal(name, target)
    }
    return target
  })
  const packed = unpacked.filter((folder) => folder !== null)
  // The entry of a package must not need what is only optional beside it; its other entries may.
  for (const folder of packed) await checkImports(folder, (subpath) => subpath === '.')
  for (const folder of folders) linkDependencies(folder, readManifest(folder).peerDependencies)
  for (const folder of packed) await checkImports(folder, (subpath) => subpath !== '.')
  for (const folder of packed) await lint(folder)
  console.log(`${folders.length} packages packed, imported from dist and linted; ${problems} problems`)
}

/** Third-party packages as the workspace has them, beside the unpacked ones. */
function linkDependencies(folder: string, dependencies: Record<string, string> = {}): void {
  for (const dependency of Object.keys(dependencies)) {
    const link = join(work, 'node_modules', dependency)
    if (dependency.startsWith('@avocet/') || existsSync(link)) continue
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(folder, 'node_modules', dependency), link)
  }
}

async function checkImports(folder: string, isWanted: (subpath: string) => boolean): Promise<void> {
  const manifest = readManifest(folder)
  for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
    const file = entryOf(target)
    if (!file || subpath.includes('*') || !isWanted(subpath)) continue
    if (!file.startsWith('./dist/')) problem(manifest.name, `${subpath} leads to ${file}, not to dist`)
    try {
      await import(pathToFileURL(join(folder, file)).href)
    } catch (error) {
      problem(manifest.name, `${subpath} cannot be imported: ${(error as Error).message}`)
    }
  }
}

/**
 * `using` throws where an engine has no `Symbol.dispose` or `Symbol.asyncDispose`, as some browsers: what is for pages closes in words.
 */
function checkDisposal(name: string, folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.js')) continue
    if (/__addDisposableResource|\busing\s+\w+\s*=/.test(readFileSync(join(folder, file), 'utf8'))) {
      problem(name, `${file} has "using", for which some browsers lack the symbol`)
    }
  }
}

async function lint(folder: string): Promise<void> {
  const manifest = readManifest(folder)
  const { messages } = await publint({ pkgDir: folder, level: 'warning', pack: false })
  for (const message of messages) problem(manifest.name, formatMessage(message, manifest) ?? message.code)
}

/** The file that Node takes for an export, whatever its nesting of conditions. */
function entryOf(target: unknown): string | null {
  if (typeof target === 'string') return target
  if (typeof target !== 'object' || target === null) return null
  const conditions = target as Record<string, unknown>
  return entryOf(conditions['node'] ?? conditions['import'] ?? conditions['default'])
}

function problem(name: string, text: string): null {
  problems += 1
  console.error(`${name}: ${text}`)
  return null
}
