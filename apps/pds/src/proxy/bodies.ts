import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'

/** Bytes of bodies that are held at a time, because a service gets a request only once it is whole. */
export interface BodyLimits {
  /** Of one body. */
  readonly each: number
  /** Of the bodies of one account. */
  readonly perAccount: number
  readonly total: number
  /** Longest wait for the next piece of one, in milliseconds. */
  readonly idleMs: number
}

/** The limits unless told: two of the largest an account. */
const BODY_LIMITS: BodyLimits = {
  each: 10 * 1024 * 1024,
  perAccount: 20 * 1024 * 1024,
  total: 128 * 1024 * 1024,
  idleMs: 30_000,
}

/** Reads bodies that are handed on, so that neither many of them nor slow ones fill the memory. */
export interface Bodies {
  /**
   * Reads a body and holds it for as long as `use` takes.
   * @throws PdsError `blob-too-large`, `too-many-at-once`, `busy`, `body-too-slow`, `invalid-request` when it breaks off
   */
  hold<T>(
    did: Did,
    stream: ReadableStream<Uint8Array>,
    use: (body: Uint8Array<ArrayBuffer>) => Promise<T>,
  ): Promise<T>
}

/** Bodies within these limits. */
export function createBodies(limits: BodyLimits = BODY_LIMITS): Bodies {
  const held = new Map<Did, number>()
  let total = 0

  const add = (did: Did, bytes: number): void => {
    const next = (held.get(did) ?? 0) + bytes
    if (next > limits.perAccount) throw new PdsError('too-many-at-once', 'Too many large requests at once')
    if (total + bytes > limits.total)
      throw new PdsError('busy', 'Too many requests on this server, try again later')
    held.set(did, next)
    total += bytes
  }
  const remove = (did: Did, bytes: number): void => {
    total -= bytes
    const left = (held.get(did) ?? 0) - bytes
    if (left <= 0) held.delete(did)
    else held.set(did, left)
  }

  return {
    hold: async (did, stream, use) => {
      const chunks: Uint8Array[] = []
      let size = 0
      try {
        for await (const chunk of piecesOf(stream, limits.idleMs)) {
          if (size + chunk.length > limits.each) {
            throw new PdsError('blob-too-large', `Body is too large; max=${limits.each}`)
          }
          add(did, chunk.length)
          size += chunk.length
          chunks.push(chunk)
        }
        return await use(new Uint8Array(Buffer.concat(chunks)))
      } finally {
        remove(did, size)
      }
    },
  }
}

async function* piecesOf(
  stream: ReadableStream<Uint8Array>,
  idleMs: number,
): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const next = await inTime(reader.read(), idleMs)
      if (next.done) return
      yield next.value
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

async function inTime<T>(read: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const error = new PdsError('body-too-slow', 'The request body did not arrive in time')
  const timer = setTimeout(() => late.reject(error), ms)
  try {
    return await Promise.race([read, late.promise])
  } catch (cause) {
    if (cause === error) throw error
    // Its sender left: no fault of this server.
    throw new PdsError('invalid-request', 'The request body broke off', { cause })
  } finally {
    clearTimeout(timer)
    read.catch(() => {})
  }
}
