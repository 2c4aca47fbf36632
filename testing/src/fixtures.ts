// Real input (interop vectors, captured frames, CARs) is kept outside the project, in ../shared/fixtures beside the checkout
// or where AVOCET_FIXTURES points. Tests that need it say loudly that they skipped where it is absent.
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Fixture files by path, base64; provided where tests run without a file system (browsers). */
    fixtures: Record<string, string>
  }
}

const inNode = typeof process === 'object' && process.versions?.node !== undefined

/**
 * One file of the fixtures, or null after a printed warning where it is absent.
 *
 *     const car = await readFixture('cars/tiny.car')
 *     test.skipIf(!car)('reads it', () => …)
 *
 * @param path relative to the folder of fixtures, such as `interop/mst/key_heights.json`
 */
export async function readFixture(path: string): Promise<Uint8Array | null> {
  if (inNode) {
    const fs = await import('node:fs')
    const { fileURLToPath } = await import('node:url')
    const root =
      process.env['AVOCET_FIXTURES'] ?? fileURLToPath(new URL('../../../shared/fixtures', import.meta.url))
    if (fs.existsSync(`${root}/${path}`)) return new Uint8Array(fs.readFileSync(`${root}/${path}`))
  } else {
    const text = inject('fixtures')?.[path]
    if (text !== undefined) return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  }
  console.warn(`SKIPPED: the fixture ${path} is not here (set AVOCET_FIXTURES to the folder that holds it)`)
  return null
}

/** The same as text (UTF-8). */
export async function readFixtureText(path: string): Promise<string | null> {
  const bytes = await readFixture(path)
  return bytes === null ? null : new TextDecoder().decode(bytes)
}
