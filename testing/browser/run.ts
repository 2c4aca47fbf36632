// Runs the test suites of the packages for browsers in headless Chromium, and prints how large each package is in a bundle.
// Run: node testing/browser/run.ts [package…]; says so loudly, and passes, where there is no Chromium.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

import { hasChromium, launchChromium, servePages } from '../src/chromium.ts'
import { bundleTests, measure } from './bundle.ts'
import type { Outcome } from './page.ts'

const ROOT = join(import.meta.dirname, '../..')
const PACKAGES = ['syntax', 'data', 'cbor', 'car', 'crypto', 'oauth-scopes', 'labels', 'richtext']
const FIXTURES = [
  'interop/**/*.{json,txt}',
  'cars/*',
  'relay-capture/repo.car',
  'relay-capture/frames.bin.zst',
]

function readFixtures(): Record<string, string> {
  const folder = process.env['AVOCET_FIXTURES'] ?? join(ROOT, '../shared/fixtures')
  const paths = FIXTURES.flatMap((pattern) => globSync(pattern, { cwd: folder }))
  return Object.fromEntries(
    paths.map((path) => {
      const bytes = readFileSync(join(folder, path))
      // Pages cannot unpack this kind of compression.
      if (path.endsWith('.zst')) return [path.slice(0, -4), zstdDecompressSync(bytes).toString('base64')]
      return [path, bytes.toString('base64')]
    }),
  )
}

async function runInBrowser(names: readonly string[]): Promise<boolean> {
  const files = new Map<string, string>()
  await using server = await servePages(files)
  const { origin } = server
  await using browser = await launchChromium()
  console.log(`Chromium ${browser.version()}`)
  let passes = true
  const fixtures = readFixtures()
  for (const name of names) {
    const start = performance.now()
    for (const [file, code] of await bundleTests(join(ROOT, 'packages', name)))
      files.set(`/${name}/${file}`, code)
    const page = await browser.newPage()
    page.on('pageerror', (error) => console.error(`${name}: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'warning') console.warn(`${name}: ${message.text()}`)
    })
    await page.goto(origin)
    await page.addScriptTag({ url: `${origin}/${name}/entry.js`, type: 'module' })
    await page.waitForFunction(() => 'runAll' in globalThis)
    const outcome = await page.evaluate(
      (given) => (globalThis as unknown as { runAll: (given: object) => Promise<Outcome> }).runAll(given),
      fixtures,
    )
    await page.close()
    const { passed, skipped, failures } = outcome
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    console.log(`${name}: ${passed} passed, ${skipped} skipped, ${failures.length} failed (${seconds} s)`)
    for (const failure of failures) console.error(`  ✗ ${failure.name}\n    ${failure.message}`)
    if (failures.length > 0 || passed === 0) passes = false
  }
  return passes
}

const names = process.argv.length > 2 ? process.argv.slice(2) : PACKAGES
if (hasChromium('any package') && !(await runInBrowser(names))) process.exitCode = 1

console.log('\nIn a bundle for browsers, with all dependencies (bytes):')
for (const name of names) {
  const { minified, gzip, brotli } = await measure(join(ROOT, 'packages', name))
  console.log(
    `${name.padEnd(12)} ${String(minified).padStart(7)} minified ${String(gzip).padStart(7)} gzip ${String(brotli).padStart(7)} brotli`,
  )
}
