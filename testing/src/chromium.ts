// Headless Chromium for tests, and what its pages are made of: modules in one bundle, on a server of this machine.
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { rolldown, type OutputChunk, type Plugin } from 'rolldown'

/** Where Chromium is on this machine: `CHROMIUM_PATH`, else the usual places; undefined where it is not. */
const executablePath = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path))

/**
 * Whether there is a Chromium, for `describe.skipIf(!hasChromium('…'))`. Says aloud what is left out where there is none.
 * @param what is not tested then, as the subject of a sentence in the singular
 */
export function hasChromium(what: string): boolean {
  if (executablePath !== undefined) return true
  console.warn(
    `SKIPPED: no Chromium on this machine; ${what} is not tested in a browser (apt-get install chromium, or set CHROMIUM_PATH)`,
  )
  return false
}

const ARGS = ['--no-sandbox', '--disable-background-networking']

function pathOrThrow(): string {
  if (executablePath === undefined) throw new Error('there is no Chromium; set CHROMIUM_PATH')
  return executablePath
}

/** Starts Chromium. @param args for it, beside those of every test @throws Error where there is none: ask `hasChromium` */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: pathOrThrow(), args: [...ARGS, ...args] })
}

/** Starts Chromium with a profile that outlives it, as people do. @param folder of the profile @throws Error as `launchChromium` */
export async function launchProfile(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, { executablePath: pathOrThrow(), args: ARGS })
}

/** How {@link bundle} goes about it. */
export interface BundleOptions {
  /** Where packages that the code imports are looked for. */
  readonly folder: string
  /** Default false. */
  readonly minify?: boolean
  /** Whether unused code stays, and modules that are loaded late stay files of their own; default false. */
  readonly keepAll?: boolean
  /** What stands in the code in place of an expression, as for engines that lack something. */
  readonly define?: Readonly<Record<string, string>>
}

const ENTRY = '\0entry.js'

/**
 * Bundles a module for browsers: its files, of which `entry.js` is the first. What it imports of Node stays an import, which a page
 * cannot load.
 * @param code of the module
 */
export async function bundle(code: string, options: BundleOptions): Promise<readonly OutputChunk[]> {
  const { folder, minify = false, keepAll = false, define = {} } = options
  const entry: Plugin = {
    name: 'entry',
    resolveId: (id) => (id === ENTRY ? id : null),
    load: (id) => (id === ENTRY ? code : null),
  }
  const build = await rolldown({
    input: ENTRY,
    cwd: folder,
    platform: 'browser',
    plugins: [entry],
    external: (id) => id.startsWith('node:'),
    logLevel: 'silent',
    transform: { define: { ...define } },
    ...(keepAll && { treeshake: false }),
  })
  // Chunks may import from the entry: its name is the one that the page asks for, or it would run twice.
  const { output } = await build.generate({
    format: 'esm',
    minify,
    entryFileNames: 'entry.js',
    codeSplitting: keepAll,
  })
  await build.close()
  return output.filter((file): file is OutputChunk => file.type === 'chunk')
}

/** The code of a module and all it imports, as one script for a page. @param file of the module */
export async function bundlePage(file: string): Promise<string> {
  const chunks = await bundle(`export * from ${JSON.stringify(file)}`, { folder: import.meta.dirname })
  return chunks.map(({ code }) => code).join('')
}

/** Pages on a loopback port. */
export interface PageServer extends AsyncDisposable {
  readonly origin: `http://127.0.0.1:${number}`
}

/**
 * Serves files from memory: scripts where the path ends with `.js`, pages elsewhere.
 * @param files by path; an empty page at `/` unless it is among them
 * @param headers of every answer
 */
export async function servePages(
  files: ReadonlyMap<string, string | Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Promise<PageServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const content = files.get(pathname) ?? (pathname === '/' ? '<!doctype html><title>page</title>' : null)
    const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html'
    response.writeHead(content === null ? 404 : 200, { 'content-type': type, ...headers }).end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
