// The canonical order of map keys: shorter first, then by bytes. https://ipld.io/specs/codecs/dag-cbor/spec/#strictness

const textEncoder = new TextEncoder()

/** Whether `a` stands before `b` in canonical order, if both are ASCII: shorter first, then by code unit. */
function isBefore(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length
}

/** Most keys that are sorted by insertion, whose cost grows with the square. */
const FEW_KEYS = 32

/** Sorts ASCII keys. Records have few keys and are often in order already: insertion beats a general sort. */
export function sortAsciiKeys(keys: string[]): void {
  if (keys.length > FEW_KEYS) {
    keys.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    return
  }
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!
    let j = i - 1
    for (; j >= 0 && isBefore(key, keys[j]!); j--) keys[j + 1] = keys[j]!
    keys[j + 1] = key
  }
}

/** Sorts keys of any characters: UTF-16 order is not UTF-8 order above the basic plane, so their bytes are compared. */
export function sortKeys(keys: readonly string[]): string[] {
  return keys
    .map((key) => ({ key, bytes: textEncoder.encode(key) }))
    .toSorted((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ key }) => key)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}
