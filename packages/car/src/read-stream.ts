// A CAR that arrives in pieces, held one block at a time.

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

/** Longest length in bytes: six groups of seven bits. */
const MAX_VARINT_SIZE = 6
/** Blocks of a batch, and bytes after which it ends: what is hashed between two turns of the event loop. */
const BATCH_BLOCKS = 512
const BATCH_BYTES = 512 * 1024

/** Bytes of a CAR as they arrive. */
export type CarChunks = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>

/** A CAR whose header was read. Iterate one of `blocks` and `batches`, once. */
export type CarStream = {
  readonly roots: CID[]
  /** One by one, in order. */
  readonly blocks: AsyncIterable<CarBlock>
  /** The same, as many at a time as have arrived, some hundred at most: what waits for each block costs more than to read it. */
  readonly batches: AsyncIterable<readonly CarBlock[]>
}

/** Takes exact runs of bytes from chunks of any size, copying only what spans two chunks. */
class Pull {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #maxSize: number
  #current: Uint8Array = new Uint8Array(0)
  #pos = 0
  #received = 0
  /** Bytes taken so far: the offset in the CAR. */
  offset = 0

  constructor(chunks: AsyncIterator<Uint8Array>, maxSize: number) {
    this.#chunks = chunks
    this.#maxSize = maxSize
  }

  /** Makes at least one byte available; false at the end of the source. */
  async #fill(): Promise<boolean> {
    while (this.#pos === this.#current.length) {
      const next = await this.#chunks.next()
      if (next.done === true) return false
      this.#received += next.value.length
      if (this.#received > this.#maxSize) {
        throw new CarError('too-large', `CAR is larger than allowed; max=${this.#maxSize}`, this.offset)
      }
      this.#current = toPlainBytes(next.value)
      this.#pos = 0
    }
    return true
  }

  /** The next length, or null at the end of the CAR. */
  async varint(): Promise<number | null> {
    const bytes = new Uint8Array(MAX_VARINT_SIZE)
    for (let size = 0; size < MAX_VARINT_SIZE;) {
      if (!(await this.#fill())) {
        if (size === 0) return null
        throw new CarError('unexpected-end', 'CAR ends inside a length', this.offset)
      }
      bytes[size++] = this.#current[this.#pos++]!
      const result = readVarint(bytes, 0, size, this.offset)
      if (result === null) continue
      this.offset += size
      return result.value
    }
    throw new CarError('invalid-varint', 'length is too large', this.offset)
  }

  /** A length without waiting, or undefined when more bytes are needed. */
  varintNow(): number | undefined {
    if (this.#current.length - this.#pos < MAX_VARINT_SIZE) return undefined
    const result = readVarint(this.#current, this.#pos, this.#current.length, this.offset)
    if (result === null) return undefined
    this.#pos += result.size
    this.offset += result.size
    return result.value
  }

  /** Bytes without waiting, or undefined when more are needed. */
  takeNow(count: number): Uint8Array | undefined {
    if (this.#current.length - this.#pos < count) return undefined
    const taken = this.#current.subarray(this.#pos, this.#pos + count)
    this.#pos += count
    this.offset += count
    return taken
  }

  /** Bytes that may span chunks. The caller has bounded `count`: that much is allocated at once. */
  async take(count: number, what: string): Promise<Uint8Array> {
    const taken = new Uint8Array(count)
    for (let have = 0; have < count;) {
      if (!(await this.#fill())) throw new CarError('unexpected-end', `CAR ends inside ${what}`, this.offset)
      const part = this.#current.subarray(this.#pos, this.#pos + count - have)
      taken.set(part, have)
      have += part.length
      this.#pos += part.length
    }
    this.offset += count
    return taken
  }

  /** Lets the source go: a reader that stops early must not leave a connection open. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}

/**
 * Reads a CAR v1 that arrives in chunks. Resolves when the header is there; blocks follow in order, hashes verified, memory bounded
 * by the largest block and chunk. Ending the iteration early closes the source.
 * The bytes of blocks are views of the chunks.
 * @throws CarError any code, from the promise (header) or from the iteration (blocks; those before the fault come first).
 * @see https://ipld.io/specs/transport/car/carv1/
 */
export async function readCarStream(source: CarChunks, options: ReadCarOptions = {}): Promise<CarStream> {
  return await open(source, options, verifyCid)
}

/**
 * The same, no block compared with its CID, and no hash function in a bundle: for who compares those that are used, or trusts where
 * the bytes come from.
 * @throws CarError any code but `hash-mismatch`, as {@link readCarStream} does.
 */
export async function unsafeReadCarStream(
  source: CarChunks,
  options: ReadCarOptions = {},
): Promise<CarStream> {
  return await open(source, options, believe)
}

async function open(source: CarChunks, options: ReadCarOptions, check: CheckHash): Promise<CarStream> {
  const pull = new Pull(chunksOf(source), options.maxSize ?? Infinity)
  let roots: CID[]
  try {
    const length = await pull.varint()
    if (length === null) throw new CarError('unexpected-end', 'CAR ends before its header', 0)
    if (length > MAX_HEADER_SIZE) {
      throw new CarError('header-too-large', `header is too large; size=${length}`, 0)
    }
    const at = pull.offset
    roots = parseHeader(await pull.take(length, 'its header'), at)
  } catch (error) {
    await pull.close()
    throw error
  }
  let started = false
  const start = (): AsyncGenerator<readonly CarBlock[], void, undefined> => {
    if (started) throw new CarError('already-read', 'blocks can be iterated once', pull.offset)
    started = true
    return readBatches(pull, options, check)
  }
  return {
    roots,
    blocks: { [Symbol.asyncIterator]: () => oneByOne(start()) },
    batches: { [Symbol.asyncIterator]: start },
  }
}

async function* readBatches(
  pull: Pull,
  options: ReadCarOptions,
  check: CheckHash,
): AsyncGenerator<readonly CarBlock[], void, undefined> {
  const maxBlockSize = options.maxBlockSize ?? DEFAULT_MAX_BLOCK_SIZE
  const maxBlocks = options.maxBlocks ?? Infinity
  let batch: CarBlock[] = []
  let bytes = 0
  const whole = (): readonly CarBlock[] => {
    const taken = batch
    batch = []
    bytes = 0
    return taken
  }
  try {
    try {
      for (let count = 0; ; count++) {
        const at = pull.offset
        let length: number | null | undefined = pull.varintNow()
        if (length === undefined) {
          if (batch.length > 0) yield whole()
          length = await pull.varint()
        }
        if (length === null) return
        if (length > maxBlockSize + CID_LENGTH) {
          throw new CarError('block-too-large', `block is larger than allowed; size=${length}`, at)
        }
        if (count >= maxBlocks) {
          throw new CarError('too-many-blocks', `more blocks than allowed; max=${maxBlocks}`, at)
        }
        let section = pull.takeNow(length)
        if (section === undefined) {
          if (batch.length > 0) yield whole()
          section = await pull.take(length, 'a block')
        }
        batch.push(parseSection(section, 0, length, at, check))
        bytes += length
        if (batch.length >= BATCH_BLOCKS || bytes >= BATCH_BYTES) yield whole()
      }
    } catch (error) {
      // What came before the fault is whole.
      if (batch.length > 0) yield whole()
      throw error
    }
  } finally {
    await pull.close()
  }
}

async function* oneByOne(
  batches: AsyncGenerator<readonly CarBlock[], void, undefined>,
): AsyncGenerator<CarBlock, void, undefined> {
  for await (const batch of batches) for (const block of batch) yield block
}

function chunksOf(source: CarChunks): AsyncIterator<Uint8Array> {
  if (Symbol.asyncIterator in source) return (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  // Safari's ReadableStream cannot be iterated.
  return iterateReader((source as ReadableStream<Uint8Array>).getReader())
}

async function* iterateReader(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let done = false
  try {
    for (;;) {
      const next = await reader.read()
      if (next.done) {
        done = true
        return
      }
      yield next.value
    }
  } finally {
    if (!done) await reader.cancel()
    reader.releaseLock()
  }
}
