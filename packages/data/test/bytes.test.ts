import { describe, expect, it } from 'vitest'
import { concatBytes, readBounded } from '../src/index.ts'

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values)

describe('concatBytes', () => {
  it('puts pieces one behind the other', () => {
    expect(concatBytes([])).toEqual(bytes())
    expect(concatBytes([bytes(1, 2), bytes(), bytes(3)])).toEqual(bytes(1, 2, 3))
  })

  it('copies nothing where there is one piece', () => {
    const only = bytes(1, 2)
    expect(concatBytes([only]) === only).toBe(true)
  })
})

describe('readBounded', () => {
  /** A body of these pieces, asked for one by one; what is told when it is given up. */
  function body(pieces: readonly Uint8Array<ArrayBuffer>[], cancel: () => void | Promise<void> = () => {}) {
    const told = { pulls: 0, cancelled: 0 }
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull(controller) {
          const piece = pieces[told.pulls++]
          if (piece === undefined) controller.close()
          else controller.enqueue(piece)
        },
        cancel() {
          told.cancelled++
          return cancel()
        },
      },
      { highWaterMark: 0 },
    )
    return { stream, told }
  }

  it('reads a body of as many bytes as it may have', async () => {
    const { stream, told } = body([bytes(1, 2), bytes(3)])
    expect(await readBounded(stream, 3)).toEqual(bytes(1, 2, 3))
    expect(told).toEqual({ pulls: 3, cancelled: 0 })
    expect(await readBounded(null, 0)).toEqual(bytes())
    expect(await readBounded(body([]).stream, 0)).toEqual(bytes())
  })

  it('gives up one that has a byte more, and reads no further', async () => {
    const { stream, told } = body([bytes(1, 2), bytes(3, 4), bytes(5)])
    expect(await readBounded(stream, 3)).toBe(null)
    expect(told).toEqual({ pulls: 2, cancelled: 1 })
  })

  it('waits for nothing when it gives up, and is not disturbed by what fails then', async () => {
    expect(await readBounded(body([bytes(1)], () => new Promise(() => {})).stream, 0)).toBe(null)
    expect(await readBounded(body([bytes(1)], () => Promise.reject(new Error('gone'))).stream, 0)).toBe(null)
  })

  it('throws what reading throws', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('broke off')),
    })
    await expect(readBounded(broken, 10)).rejects.toThrow('broke off')
  })
})
