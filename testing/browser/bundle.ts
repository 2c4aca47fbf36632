// Bundles for browsers: of the tests of a package, and of a package by itself to see its size.
import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'

import { rolldown, type OutputChunk, type Plugin } from 'rolldown'

const ENTRY = '\0entry.js'

/** An entry that is written nowhere. */
function virtual(code: string): Plugin {
  return {
    name: 'virtual-entry',
    resolveId: (id) => (id === ENTRY ? id : null),
    load: (id) => (id === ENTRY ? code : null),
  }
}

/** A test may use Node's modules where it runs in Node: never loaded in a page, so left as they are. */
const isNodeModule = (id: string): boolean => id.startsWith('node:')

async function bundle(code: string, options: { minify: boolean; keepAll: boolean }): Promise<OutputChunk[]> {
  const build = await rolldown({
    input: ENTRY,
    cwd: import.meta.dirname,
    platform: 'browser',
    plugins: [virtual(code)],
    external: isNodeModule,
    logLevel: 'silent',
    // The packages say that their modules have no effects, which is not true of their tests.
    ...(options.keepAll && { treeshake: false }),
  })
  // Chunks may import from the entry: its name is the one that the page asks for, or it would run twice.
  const { output } = await build.generate({
    format: 'esm',
    minify: options.minify,
    entryFileNames: 'entry.js',
  })
  await build.close()
  return output.filter((file): file is OutputChunk => file.type === 'chunk')
}

/** The tests of a package with everything they need, as files by name; `entry.js` starts them. */
export async function bundleTests(folder: string): Promise<Map<string, string>> {
  const tests = globSync(join(folder, 'test/**/*.test.ts'))
  const modules = tests.map(
    (path) => `${JSON.stringify(basename(path))}: () => import(${JSON.stringify(path)}),`,
  )
  const chunks = await bundle(
    `import ${JSON.stringify(join(import.meta.dirname, 'page.ts'))}
globalThis.runAll = (fixtures) => globalThis.runTests({${modules.join('\n')}}, fixtures)`,
    { minify: false, keepAll: true },
  )
  return new Map(chunks.map((chunk) => [chunk.fileName, chunk.code]))
}

/** Bytes of a package, minified, with all it depends on: as they are, and compressed. */
export async function measure(folder: string): Promise<{ minified: number; gzip: number; brotli: number }> {
  const chunks = await bundle(`export * from ${JSON.stringify(join(folder, 'src/index.ts'))}`, {
    minify: true,
    keepAll: false,
  })
  const code = chunks.map((chunk) => chunk.code).join('')
  return { minified: code.length, gzip: gzipSync(code).length, brotli: brotliCompressSync(code).length }
}
