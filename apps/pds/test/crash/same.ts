import { isDeepStrictEqual } from 'node:util'

/** @throws Error that says what differs */
export function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${what}: ${show(actual)} instead of ${show(expected)}`)
}

/** The entries of two maps. @throws Error that names the first that differ */
export function expectSameEntries(
  actual: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
  what: string,
): void {
  const faults: string[] = []
  for (const [key, value] of expected) {
    const found = actual.get(key)
    if (found !== value) faults.push(`${key} is ${found ?? 'missing'}, not ${value}`)
  }
  for (const key of actual.keys()) if (!expected.has(key)) faults.push(`${key} should not be there`)
  if (faults.length > 0) {
    throw new Error(`${what}: ${faults.length} of ${expected.size} differ: ${faults.slice(0, 5).join('; ')}`)
  }
}

const show = (value: unknown): string => JSON.stringify(value) ?? String(value)
