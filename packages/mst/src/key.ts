// https://atproto.com/specs/repository#mst-structure: keys are `collection/rkey` in ASCII; their layer is the number
// of leading zero bit-pairs of the SHA-256 of the key.

import { MstError } from './error.ts'

/** Longest key, in bytes (and characters, since keys are ASCII). */
export const MAX_KEY_LENGTH = 1024

/** 1 for characters of a collection or record key, 2 for the slash between them, 0 for all others. */
export const keyCharacters: Uint8Array = new Uint8Array(256)
for (const c of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_~-:.') {
  keyCharacters[c.charCodeAt(0)] = 1
}
keyCharacters['/'.charCodeAt(0)] = 2

/** Whether `key` may stand in a tree: `collection/rkey`, both parts non-empty, at most 1024 characters. */
export function isValidKey(key: string): boolean {
  const { length } = key
  if (length > MAX_KEY_LENGTH) return false
  let slash = -1
  for (let i = 0; i < length; i++) {
    const code = key.charCodeAt(i)
    const kind = code < 256 ? keyCharacters[code]! : 0
    if (kind === 1) continue
    if (kind === 0 || slash >= 0) return false
    slash = i
  }
  return slash > 0 && slash < length - 1
}

/** @throws {MstError} `invalid-key` */
export function assertValidKey(key: string): void {
  if (!isValidKey(key)) {
    throw new MstError('invalid-key', `not a valid tree key; key=${JSON.stringify(key.slice(0, 100))}`, {
      key,
    })
  }
}

/** How many leading characters two strings share. */
export function commonPrefixLength(a: string, b: string): number {
  const limit = Math.min(a.length, b.length)
  let i = 0
  while (i < limit && a.charCodeAt(i) === b.charCodeAt(i)) i++
  return i
}

/** Index of the first key that is not before `key`. Nodes have a handful of keys: a walk is faster than bisection. */
export function lowerBound(keys: readonly string[], key: string): number {
  const { length } = keys
  if (length > 32) {
    let from = 0
    let to = length
    while (from < to) {
      const middle = (from + to) >> 1
      if (keys[middle]! < key) from = middle + 1
      else to = middle
    }
    return from
  }
  let at = 0
  while (at < length && keys[at]! < key) at++
  return at
}
