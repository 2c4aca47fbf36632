// The pieces of a CAR v1: a header, then sections of (length, CID, bytes).
// https://ipld.io/specs/transport/car/carv1/, https://atproto.com/specs/repository#car-file-serialization

import { decode } from '@avocet/cbor'
import { CID_LENGTH, type CID, cidAt, formatCid, isCid } from '@avocet/data'
import { CarError } from './error.ts'

/** One block of a CAR: the bytes and the CID that names them. */
export type CarBlock = { readonly cid: CID; readonly bytes: Uint8Array }

/** Bounds of a reader. */
export interface ReadCarOptions {
  /** Largest block in bytes, its CID not counted. Default 2 MiB. */
  readonly maxBlockSize?: number
  /** Most blocks. Default: no bound for `readCarStream`, 1,000,000 for `readCar`. */
  readonly maxBlocks?: number
  /** Most bytes of the whole CAR. Default: no bound. */
  readonly maxSize?: number
}

/** Whether bytes are what a CID names. */
export type CheckHash = (cid: CID, bytes: Uint8Array) => boolean

/** For readers that hash nothing. */
export const believe: CheckHash = () => true

/** A header with one root takes 59 bytes; nothing legitimate comes near this. */
export const MAX_HEADER_SIZE: number = 16 * 1024
/** Records are at most 1 MB, and so are tree nodes. */
export const DEFAULT_MAX_BLOCK_SIZE: number = 2 * 1024 * 1024

/** The same bytes as a `Uint8Array` proper: parts of a Buffer would be Buffers, whose `slice` does not copy. */
export function toPlainBytes(bytes: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** An unsigned LEB128 integer at `offset`: its value and size, or null when the bytes end inside it. */
export function readVarint(
  bytes: Uint8Array,
  pos: number,
  end: number,
  offset: number,
): { value: number; size: number } | null {
  let value = 0
  let scale = 1
  for (let size = 1; pos < end; size++) {
    const byte = bytes[pos++]!
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      if (byte === 0 && size > 1) throw new CarError('invalid-varint', 'length is not minimal', offset)
      return { value, size }
    }
    // Six groups of seven bits are far above every bound here and still exact.
    if (size === 6) throw new CarError('invalid-varint', 'length is too large', offset)
    scale *= 128
  }
  return null
}

/** Decodes the header's bytes to its roots. */
export function parseHeader(bytes: Uint8Array, offset: number): CID[] {
  let header: unknown
  try {
    header = decode(bytes)
  } catch (cause) {
    throw new CarError('invalid-header', 'header is not DAG-CBOR', offset, { cause })
  }
  if (header === null || typeof header !== 'object' || isCid(header)) {
    throw new CarError('invalid-header', 'header is not a map', offset)
  }
  const { version, roots } = header as { version?: unknown; roots?: unknown }
  if (version !== 1) {
    throw new CarError(
      'unsupported-version',
      `only CAR version 1 is read; version=${String(version)}`,
      offset,
    )
  }
  if (!Array.isArray(roots) || !roots.every((root) => isCid(root))) {
    throw new CarError('invalid-header', 'roots are not a list of CIDs', offset)
  }
  return roots
}

/** Makes a block of a section (CID and content, without the length) that is `source[start, end)`. */
export function parseSection(
  source: Uint8Array,
  start: number,
  end: number,
  offset: number,
  check: CheckHash,
): CarBlock {
  if (end - start < CID_LENGTH) {
    throw new CarError('invalid-cid', `section of ${end - start} bytes holds no CID`, offset)
  }
  const cid = cidAt(source, start)
  if (cid === null) {
    throw new CarError('invalid-cid', 'block is named by a CID this protocol does not have', offset)
  }
  const bytes = source.subarray(start + CID_LENGTH, end)
  if (!check(cid, bytes)) {
    throw new CarError('hash-mismatch', `bytes are not those of their CID; cid=${formatCid(cid)}`, offset)
  }
  return { cid, bytes }
}
