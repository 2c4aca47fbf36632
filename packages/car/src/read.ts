// A whole CAR in memory.

import { CID_LENGTH, type CID, verifyCid } from '@avocet/data'
import { CarError } from './error.ts'
import {
  believe,
  type CarBlock,
  type CheckHash,
  DEFAULT_MAX_BLOCK_SIZE,
  MAX_HEADER_SIZE,
  type ReadCarOptions,
  parseHeader,
  parseSection,
  readVarint,
  toPlainBytes,
} from './parse.ts'

const DEFAULT_MAX_BLOCKS = 1_000_000

/** A CAR that was read. */
export interface Car {
  readonly roots: CID[]
  readonly blocks: CarBlock[]
}

/**
 * Reads a whole CAR v1; blocks keep their order and repeat if the CAR repeats them. The bytes of blocks are views of `car`.
 * @throws CarError any code.
 * @see https://ipld.io/specs/transport/car/carv1/
 */
export function readCar(car: Uint8Array, options: ReadCarOptions = {}): Car {
  return read(car, options, verifyCid)
}

/**
 * The same, no block compared with its CID, and no hash function in a bundle: for who compares those that are used
 * (`verifyCid` of `@avocet/data/web` does it by WebCrypto), or trusts where the bytes come from.
 * @throws CarError any code but `hash-mismatch`.
 */
export function unsafeReadCar(car: Uint8Array, options: ReadCarOptions = {}): Car {
  return read(car, options, believe)
}

function read(car: Uint8Array, options: ReadCarOptions, check: CheckHash): Car {
  const bytes = toPlainBytes(car)
  const end = bytes.length
  const maxBlockSize = options.maxBlockSize ?? DEFAULT_MAX_BLOCK_SIZE
  const maxBlocks = options.maxBlocks ?? DEFAULT_MAX_BLOCKS
  if (options.maxSize !== undefined && end > options.maxSize) {
    throw new CarError('too-large', `CAR is larger than allowed; size=${end} max=${options.maxSize}`, 0)
  }
  const head = readVarint(bytes, 0, end, 0)
  if (head === null) throw new CarError('unexpected-end', 'CAR ends before its header', 0)
  if (head.value > MAX_HEADER_SIZE) {
    throw new CarError('header-too-large', `header is too large; size=${head.value}`, 0)
  }
  let pos = head.size + head.value
  if (pos > end) throw new CarError('unexpected-end', 'CAR ends inside its header', 0)
  const roots = parseHeader(bytes.subarray(head.size, pos), head.size)
  const blocks: CarBlock[] = []
  while (pos < end) {
    const at = pos
    const length = readVarint(bytes, pos, end, at)
    if (length === null) throw new CarError('unexpected-end', 'CAR ends inside a length', at)
    if (length.value > maxBlockSize + CID_LENGTH) {
      throw new CarError('block-too-large', `block is larger than allowed; size=${length.value}`, at)
    }
    const start = pos + length.size
    pos = start + length.value
    if (pos > end) throw new CarError('unexpected-end', 'CAR ends inside a block', at)
    if (blocks.length === maxBlocks) {
      throw new CarError('too-many-blocks', `more blocks than allowed; max=${maxBlocks}`, at)
    }
    blocks.push(parseSection(bytes, start, pos, at, check))
  }
  return { roots, blocks }
}
