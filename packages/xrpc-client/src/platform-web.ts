/** What differs between browsers (this file) and Node (platform-node.ts). */
import { sha256 } from '@noble/hashes/sha2.js'
import type { Digest, OpenSocket } from './platform.ts'
import { openWebSocket } from './socket-web.ts'

/** Browsers send their own, and another would cost a preflight. */
export const userAgent: string | null = null

/** An incremental SHA-256. */
export function createSha256(): Digest {
  const hash = sha256.create()
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() }
}

/** Opens a WebSocket. */
export const openSocket: OpenSocket = async (url, events, options) => openWebSocket(url, events, options)

/** Why a request failed: the platform says no more. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
