import { isDid } from '@avocet/syntax'

import { isObject } from './bytes.ts'
import { exportDpopKey, importDpopKey, type DpopKey, type PrivateJwk } from './dpop-key.ts'
import type { SessionData, StateData } from './store.ts'

/** A session as a text, with its secrets: for stores of text. @throws {DOMException} where the key is not extractable */
export async function encodeSession(data: SessionData): Promise<string> {
  return JSON.stringify({ version: 1, ...data, key: await exportDpopKey(data.key) })
}

/** What {@link encodeSession} wrote; null for anything else. */
export async function decodeSession(text: string): Promise<SessionData | null> {
  const fields = await read(text)
  if (fields === null) return null
  const { id, did, issuer, pds, scope, accessToken, refreshToken, expiresAt, clientKeyId, key } = fields
  const { createdAt, updatedAt } = fields
  if (!areTexts(id, issuer, pds, scope, accessToken) || !isDid(did)) return null
  if (!isNull(refreshToken, 'string') || !isNull(clientKeyId, 'string') || !isNull(expiresAt, 'number'))
    return null
  if (typeof createdAt !== 'number' || typeof updatedAt !== 'number') return null
  return {
    id,
    did,
    issuer,
    pds,
    scope,
    accessToken,
    refreshToken,
    expiresAt,
    key,
    clientKeyId,
    createdAt,
    updatedAt,
  } as SessionData
}

/** A sign-in under way as a text. @throws {DOMException} where the key is not extractable */
export async function encodeState(data: StateData): Promise<string> {
  return JSON.stringify({ version: 1, ...data, key: await exportDpopKey(data.key) })
}

/** What {@link encodeState} wrote; null for anything else. */
export async function decodeState(text: string): Promise<StateData | null> {
  const fields = await read(text)
  if (fields === null) return null
  const { issuer, verifier, redirectUri, did, clientKeyId, appState, expiresAt, key } = fields
  if (!areTexts(issuer, verifier, redirectUri) || typeof expiresAt !== 'number') return null
  if (!isNull(clientKeyId, 'string') || !isNull(appState, 'string')) return null
  if (did !== null && !isDid(did)) return null
  return { issuer, key, verifier, redirectUri, did, clientKeyId, appState, expiresAt } as StateData
}

async function read(text: string): Promise<(Record<string, unknown> & { key: DpopKey }) | null> {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value) || value['version'] !== 1 || !isObject(value['key'])) return null
    return { ...value, key: await importDpopKey(value['key'] as unknown as PrivateJwk, true) }
  } catch {
    return null
  }
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string')
}

function isNull(value: unknown, type: 'string' | 'number'): boolean {
  return value === null || typeof value === type
}
