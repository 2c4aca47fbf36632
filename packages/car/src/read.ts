// A whole CAR in memory.

import { CID_LENGTH, type CID } from '@avocet/data'
import { CarError } from './error.ts'
import {
  type CarBlock,
  DEFAULT_MAX_BLOCK_SIZE,
  MAX_HEADER_SIZE,
  type ReadCarOptions,
  parseHeader,
  parseSection,
  readVarint,
  toPlainBytes,
} from './parse.ts'

const DEFAULT_MAX_BLOCKS = 1_000_000

/**
 * Reads a whole CAR v1; blocks keep their order and repeat if the CAR repeats them. The bytes of blocks are views of `car`.
 * @throws CarError any code; `hash-mismatch` unless `unsafeSkipHashes`.
 * @see https://ipld.io/specs/transport/car/carv1/
 */
export function readCar(car: Uint8Array, options: ReadCarOptions = {}): { roots: CID[]; blocks: CarBlock[] } {
  const bytes = toPlainBytes(car)
  const end = bytes.length
  const maxBlockSize = options.maxBlockSize ?? DEFAULT_MAX_BLOCK_SIZE
  const maxBlocks = options.maxBlocks ?? DEFAULT_MAX_BLOCKS
  const skipHash = options.unsafeSkipHashes ?? false
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
    blocks.push(parseSection(bytes, start, pos, at, skipHash))
  }
  return { roots, blocks }
}
