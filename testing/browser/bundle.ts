// Bundles for browsers: of the tests of a package, and of a package by itself to see its size.
import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'

import { bundle } from '../src/chromium.ts'

/**
 * The tests of a package with everything they need, as files by name; `entry.js` starts them. Those of what is for Node alone are left
 * out: their files begin with `node`.
 */
export async function bundleTests(folder: string): Promise<Map<string, string>> {
  const tests = globSync(join(folder, 'test/**/*.test.ts')).filter(
    (path) => !basename(path).startsWith('node'),
  )
  const modules = tests.map(
    (path) => `${JSON.stringify(basename(path))}: () => import(${JSON.stringify(path)}),`,
  )
  const chunks = await bundle(
    `import ${JSON.stringify(join(import.meta.dirname, 'page.ts'))}
globalThis.runAll = (fixtures) => globalThis.runTests({${modules.join('\n')}}, fixtures)`,
    // The packages say that their modules have no effects, which is not true of their tests.
    { folder: import.meta.dirname, keepAll: true },
  )
  return new Map(chunks.map((chunk) => [chunk.fileName, chunk.code]))
}

/** Bytes of a package, minified, with all it depends on: as they are, and compressed. */
export async function measure(folder: string): Promise<{ minified: number; gzip: number; brotli: number }> {
  const chunks = await bundle(`export * from ${JSON.stringify(join(folder, 'src/index.ts'))}`, {
    folder: import.meta.dirname,
    minify: true,
  })
  const code = chunks.map((chunk) => chunk.code).join('')
  return { minified: code.length, gzip: gzipSync(code).length, brotli: brotliCompressSync(code).length }
}
