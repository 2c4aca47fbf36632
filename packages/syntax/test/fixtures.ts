import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Fixture files by path, base64; provided where tests run without a file system (browsers). */
    fixtures: Record<string, string>
  }
}

const inNode = typeof process === 'object' && process.versions?.node !== undefined

/** Reads one file of the shared fixtures folder, or says loudly that it is not there. */
export async function readFixture(path: string): Promise<Uint8Array | null> {
  if (!inNode) {
    const text = inject('fixtures')[path]
    if (text !== undefined) return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } else {
    const fs = await import('node:fs')
    const root =
      process.env['AVOCET_FIXTURES'] ?? new URL('../../../../shared/fixtures', import.meta.url).pathname
    if (fs.existsSync(`${root}/${path}`)) return new Uint8Array(fs.readFileSync(`${root}/${path}`))
  }
  console.warn(`SKIPPED: the fixture ${path} is not here (set AVOCET_FIXTURES to the folder that holds it)`)
  return null
}

export async function readFixtureText(path: string): Promise<string | null> {
  const bytes = await readFixture(path)
  return bytes === null ? null : new TextDecoder().decode(bytes)
}
