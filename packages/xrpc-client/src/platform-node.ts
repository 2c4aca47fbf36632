/** What differs between Node (this file) and browsers (platform-web.ts). */
import { createHash } from 'node:crypto'
import type { Digest, OpenSocket } from './platform.ts'

/** Sent unless a header says otherwise. */
export const userAgent: string | null = 'avocet-xrpc-client'

/** An incremental SHA-256. */
export function createSha256(): Digest {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) }
}

/** Opens a WebSocket that can be paused and pinged. */
export const openSocket: OpenSocket = async (url, events, options) => {
  const { openWs } = await import('./socket-node.ts')
  return openWs(url, events, options)
}

/** The innermost reason: Node's fetch says `fetch failed`, and why in its cause; of several addresses the first. */
export function reasonOf(error: unknown): string {
  let reason = ''
  for (let depth = 0, at = error; depth < 8 && at instanceof Error; depth += 1) {
    reason = at.message || reason
    at = at instanceof AggregateError ? (at.errors[0] as unknown) : at.cause
  }
  return reason
}
