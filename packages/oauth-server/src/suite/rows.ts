// What the cases of the suite put into a store.
import type { Did } from '@avocet/syntax'

import type { OAuthChange } from '../change.ts'
import type { AuthorizationRequest, ClientKey, Granted, OAuthSession } from '../rows.ts'

export const ALICE: Did = 'did:plc:alice'
export const BOB: Did = 'did:plc:bob'
export const NOON = 1_800_000_000
/** An id by its number. */
export const hex = (n: number): string => n.toString(16).padStart(32, '0')

export const request = (n: number, changes: Partial<AuthorizationRequest> = {}): AuthorizationRequest => ({
  id: hex(n),
  clientId: 'https://app.example.com/client.json',
  clientKey: null,
  dpopThumbprint: 'T',
  parameters: {
    redirectUri: 'https://app.example.com/cb?a=ü"\'',
    responseMode: 'fragment',
    scope: 'atproto',
    codeChallenge: 'C',
    state: null,
    prompt: 'login',
    loginHint: null,
    display: null,
    uiLocales: 'de',
  },
  from: 'network',
  createdAt: NOON,
  expiresAt: NOON + 300,
  device: null,
  granted: null,
  ...changes,
})
export const KEY: ClientKey = { id: 'key-1', alg: 'ES256', thumbprint: 'K' }
export const add = (
  row: AuthorizationRequest,
  max = 100,
  maxTotal = 1000,
  now: number = NOON,
): OAuthChange => ({
  type: 'addRequest',
  request: row,
  max,
  maxTotal,
  now,
})
export const open = (n: number, device = 'browser', now: number = NOON): OAuthChange => ({
  type: 'openRequest',
  id: hex(n),
  device,
  expiresAt: now + 300,
  now,
})
export const granted = (codeHash: string, did: Did = ALICE): Granted => ({
  codeHash,
  did,
  scope: 'atproto include:com.example.all',
  permissions: 'atproto repo:*',
})
export const grant = (n: number, codeHash: string, device = 'browser', now: number = NOON): OAuthChange => ({
  type: 'grantRequest',
  id: hex(n),
  device,
  granted: granted(codeHash),
  expiresAt: now + 60,
  now,
})
export const session = (n: number, changes: Partial<OAuthSession> = {}): OAuthSession => ({
  id: hex(n),
  did: ALICE,
  clientId: 'https://app.example.com/client.json',
  clientKey: null,
  dpopThumbprint: 'T',
  scope: 'atproto',
  permissions: 'atproto',
  codeHash: `code ${n}`,
  device: 'device',
  createdAt: NOON,
  generation: 1,
  refreshHash: 'H',
  refreshedAt: NOON,
  expiresAt: NOON + 86_400,
  ...changes,
})
export const begin = (row: OAuthSession, maxPerAccount = 100, maxPerClient = 100): OAuthChange => ({
  type: 'addSession',
  session: row,
  maxPerAccount,
  maxPerClient,
})
export const SET: Extract<OAuthChange, { type: 'rotateSession' }>['set'] = {
  refreshHash: 'H2',
  refreshedAt: NOON + 60,
  expiresAt: NOON + 999,
  permissions: 'atproto x',
}
export const rotate = (n: number, generation: number): OAuthChange => ({
  type: 'rotateSession',
  id: hex(n),
  generation,
  set: SET,
})
