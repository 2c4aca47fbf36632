// https://atproto.com/specs/repository#mst-structure (node data schema). A node is always the same few CBOR items, so
// it is read and written here byte by byte, without generic values in between. Reading accepts exactly what writing
// makes: any deviation from the one canonical form is an error.

import { type CID, CID_LENGTH, formatCid, latin1 } from '@avocet/data'
import { MstError } from './error.ts'
import { commonPrefixLength, keyCharacters, MAX_KEY_LENGTH } from './key.ts'
import { createLayerHasher } from './layer.ts'
import { isLinkAt, Link } from './link.ts'

/** Largest node, in bytes. Real ones have a few hundred; a million-record repository has none above 10 000. */
export const MAX_NODE_SIZE = 1_000_000

/** A subtree: loaded, known by its link only, or none. */
export type Child = TreeNode | Link | null

/** A node in memory. `children[i]` holds the keys before `keys[i]`, the last child those after all. */
export class TreeNode {
  /** Layer of its keys; its children are one layer below. */
  layer: number
  keys: string[]
  values: Link[]
  /** One more than keys. */
  children: Child[]
  /** Set while the node is as encoded; null once it was changed. */
  cid: CID | null
  /** The encoded node, where it is known. */
  bytes: Uint8Array | null
  /**
   * The node as encoded last, as long as only links have changed since: then a new one is a copy with other CIDs in
   * their places. Null once keys came, went, or a subtree appeared or vanished.
   */
  template: Uint8Array | null
  /** Whether `cid` and `bytes` were computed here: the node is not one that was loaded. */
  isFresh = false
  /** Where the node's link stands in the parent's template. */
  origin: Link | null = null
  /** Values changed since the template: where in it, and to what. */
  patches: { readonly at: number; readonly link: Link }[] | null = null

  constructor(
    layer: number,
    keys: string[],
    values: Link[],
    children: Child[],
    cid: CID | null = null,
    bytes: Uint8Array | null = null,
  ) {
    this.layer = layer
    this.keys = keys
    this.values = values
    this.children = children
    this.cid = cid
    this.bytes = bytes
    this.template = bytes
  }
}

/** The encoded node after changes of links only, or null where it must be written anew. */
export function patchNode(node: TreeNode): Uint8Array | null {
  const { template } = node
  if (template === null) return null
  const bytes = new Uint8Array(template)
  for (const child of node.children) {
    if (!(child instanceof TreeNode)) continue
    const { origin, cid } = child
    if (origin?.raw !== template || cid === null) return null
    const from = cid.bytes
    const { at } = origin
    for (let i = 0; i < CID_LENGTH; i++) bytes[at + i] = from[i]!
  }
  if (node.patches !== null) for (const { at, link } of node.patches) link.writeTo(bytes, at)
  return bytes
}

const layers = createLayerHasher()
/** The key being read, with room for the padding of its hash. */
const keyBytes = new Uint8Array(MAX_KEY_LENGTH + 128)

class Reader {
  readonly bytes: Uint8Array
  readonly cid: CID | undefined
  at = 0

  constructor(bytes: Uint8Array, cid: CID | undefined) {
    this.bytes = bytes
    this.cid = cid
  }

  fail(reason: string): never {
    const data = this.cid === undefined ? {} : { cid: this.cid }
    throw new MstError(
      'malformed-node',
      `malformed tree node: ${reason}; offset=${this.at} cid=${this.cid && formatCid(this.cid)}`,
      data,
    )
  }

  /** Three bytes, or two where `c` is negative: map and key headers are constants. */
  expect(a: number, b: number, c: number): void {
    const { bytes, at } = this
    if (bytes[at] !== a || bytes[at + 1] !== b || (c >= 0 && bytes[at + 2] !== c))
      this.fail('unexpected item')
    this.at = at + (c >= 0 ? 3 : 2)
  }

  /** The argument of a CBOR head of major type `major` (shifted), in its shortest form, up to 32 bits. */
  head(major: number): number {
    const { bytes } = this
    const first = bytes[this.at]! ^ major
    if (first < 24) {
      this.at++
      return first
    }
    let value: number
    if (first === 24) {
      value = bytes[this.at + 1]!
      this.at += 2
      if (!(value >= 24)) this.fail('number not in shortest form')
    } else if (first === 25) {
      value = (bytes[this.at + 1]! << 8) | bytes[this.at + 2]!
      this.at += 3
      if (!(value >= 256)) this.fail('number not in shortest form')
    } else if (first === 26) {
      value =
        bytes[this.at + 1]! * 0x1000000 +
        ((bytes[this.at + 2]! << 16) | (bytes[this.at + 3]! << 8) | bytes[this.at + 4]!)
      this.at += 5
      if (!(value >= 65536)) this.fail('number not in shortest form')
    } else {
      return this.fail('unexpected item')
    }
    return value
  }

  link(allowRaw: boolean): Link {
    const { bytes, at } = this
    if (
      bytes[at] !== 0xd8 ||
      bytes[at + 1] !== 0x2a ||
      bytes[at + 2] !== 0x58 ||
      bytes[at + 3] !== CID_LENGTH + 1 ||
      bytes[at + 4] !== 0 ||
      !isLinkAt(bytes, at + 5, allowRaw)
    ) {
      this.fail('not a link that may stand here')
    }
    this.at = at + 5 + CID_LENGTH
    return Link.in(bytes, at + 5)
  }

  optionalLink(): Link | null {
    if (this.bytes[this.at] !== 0xf6) return this.link(false)
    this.at++
    return null
  }
}

/**
 * Reads a node and checks all that can be checked on a node alone: canonical encoding, key grammar, strict key order,
 * prefix lengths exactly those shared, one layer for all keys, no node without entries and subtree.
 *
 * @param layer the layer the node must have by its place in the tree; null where it is the root (which must have
 *   entries, unless the tree is empty).
 * @param cid for the error.
 * @param low the key before the node in the tree, '' where there is none.
 * @param high the key after it, '' where there is none.
 * @throws {MstError} `malformed-node`
 */
export function decodeNode(
  bytes: Uint8Array,
  layer: number | null,
  cid?: CID,
  low = '',
  high = '',
): TreeNode {
  const reader = new Reader(bytes, cid)
  if (bytes.length > MAX_NODE_SIZE) reader.fail(`${bytes.length} bytes`)
  reader.expect(0xa2, 0x61, 0x65)
  const count = reader.head(0x80)
  // An entry takes at least 50 bytes, so the count is bounded by the size before anything is allocated for it.
  if (count * 50 > bytes.length) reader.fail('more entries than bytes')
  const keys: string[] = []
  const values: Link[] = []
  const children: Child[] = [null]
  let nodeLayer = layer ?? -1
  let previousLength = 0
  let slash = -1
  for (let i = 0; i < count; i++) {
    reader.expect(0xa4, 0x61, 0x6b)
    const length = reader.head(0x40)
    const start = reader.at
    const end = start + length
    if (end > bytes.length) reader.fail('cut short')
    reader.at = end
    reader.expect(0x61, 0x70, -1)
    const prefix = reader.head(0x00)
    if (prefix > previousLength) reader.fail('prefix longer than the key before')
    if (prefix + length > MAX_KEY_LENGTH) reader.fail('key too long')
    // Strict order and the canonical prefix length in one: the first character not shared must be the greater one.
    if (length === 0) reader.fail('keys not in order')
    if (prefix < previousLength) {
      const order = bytes[start]! - keyBytes[prefix]!
      if (order < 0) reader.fail('keys not in order')
      if (order === 0) reader.fail('prefix length is not the shared length')
    }
    if (slash >= prefix) slash = -1
    // keyBytes still begins with the key before, whose first bytes these are.
    for (let p = start, at = prefix; p < end; p++, at++) {
      const code = bytes[p]!
      const kind = keyCharacters[code]!
      if (kind !== 1) {
        if (kind === 0 || slash >= 0) reader.fail('invalid key')
        slash = at
      }
      keyBytes[at] = code
    }
    const keyLength = prefix + length
    if (slash <= 0 || slash === keyLength - 1) reader.fail('invalid key')
    const key = latin1(keyBytes, 0, keyLength)
    const keyLayer = layers.layer(keyBytes, keyLength, i === 0 ? 0 : prefix)
    if (keyLayer !== nodeLayer) {
      if (nodeLayer >= 0) reader.fail(`key of layer ${keyLayer} in a node of layer ${nodeLayer}`)
      nodeLayer = keyLayer
    }
    reader.expect(0x61, 0x74, -1)
    const right = reader.optionalLink()
    reader.expect(0x61, 0x76, -1)
    values.push(reader.link(true))
    keys.push(key)
    children.push(right)
    previousLength = keyLength
  }
  reader.expect(0x61, 0x6c, -1)
  children[0] = reader.optionalLink()
  if (reader.at !== bytes.length) reader.fail('bytes after the end')
  if (count === 0) {
    if (layer === null && children[0] !== null) reader.fail('root without entries')
    if (layer !== null && children[0] === null) reader.fail('empty node')
  }
  if (count > 0 && (keys[0]! <= low || (high !== '' && keys[count - 1]! >= high))) {
    reader.fail('keys outside the place in the tree')
  }
  if (nodeLayer === 0) {
    for (const child of children) if (child !== null) reader.fail('subtree below layer 0')
  }
  return new TreeNode(nodeLayer, keys, values, children, cid ?? null, bytes)
}

/** Where {@link encodeNode} writes; grown as needed, never shrunk below. */
const scratch = { bytes: new Uint8Array(4096) }

function writeLink(out: Uint8Array, at: number, link: Link): number {
  out[at] = 0xd8
  out[at + 1] = 0x2a
  out[at + 2] = 0x58
  out[at + 3] = CID_LENGTH + 1
  out[at + 4] = 0
  link.writeTo(out, at + 5)
  return at + 5 + CID_LENGTH
}

function writeHead(out: Uint8Array, at: number, major: number, value: number): number {
  if (value < 24) {
    out[at] = major | value
    return at + 1
  }
  if (value < 256) {
    out[at] = major | 24
    out[at + 1] = value
    return at + 2
  }
  if (value < 65536) {
    out[at] = major | 25
    out[at + 1] = value >> 8
    out[at + 2] = value
    return at + 3
  }
  out[at] = major | 26
  out[at + 1] = value >>> 24
  out[at + 2] = value >> 16
  out[at + 3] = value >> 8
  out[at + 4] = value
  return at + 5
}

/**
 * Writes a node in its canonical form.
 *
 * @param links of `children`, in the same order.
 * @throws {MstError} `node-too-large`
 */
export function encodeNode(
  keys: readonly string[],
  values: readonly Link[],
  links: readonly (Link | null)[],
): Uint8Array {
  let bound = 64
  for (const key of keys) bound += 102 + key.length
  if (scratch.bytes.length < bound) scratch.bytes = new Uint8Array(bound * 2)
  const out = scratch.bytes
  out[0] = 0xa2
  out[1] = 0x61
  out[2] = 0x65
  let at = writeHead(out, 3, 0x80, keys.length)
  let previous = ''
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const prefix = commonPrefixLength(previous, key)
    out[at] = 0xa4
    out[at + 1] = 0x61
    out[at + 2] = 0x6b
    at = writeHead(out, at + 3, 0x40, key.length - prefix)
    for (let p = prefix; p < key.length; p++) out[at++] = key.charCodeAt(p)
    out[at] = 0x61
    out[at + 1] = 0x70
    at = writeHead(out, at + 2, 0x00, prefix)
    out[at] = 0x61
    out[at + 1] = 0x74
    at += 2
    const right = links[i + 1]!
    if (right === null) out[at++] = 0xf6
    else at = writeLink(out, at, right)
    out[at] = 0x61
    out[at + 1] = 0x76
    at = writeLink(out, at + 2, values[i]!)
    previous = key
  }
  out[at] = 0x61
  out[at + 1] = 0x6c
  at += 2
  const left = links[0]!
  if (left === null) out[at++] = 0xf6
  else at = writeLink(out, at, left)
  if (at > MAX_NODE_SIZE) {
    throw new MstError(
      'node-too-large',
      `node would be too large to be read; bytes=${at} keys=${keys.length}`,
    )
  }
  return out.slice(0, at)
}
