// Changes as the suite of stores makes them.

import type { Did } from '@avocet/syntax'

import type { AccountChange, Challenge, Factor, NewAccount, Outcome, Session } from '../src/index.ts'

export const ALICE: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const BOB: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
export const CAROL: Did = 'did:web:carol.example.com'
export const DAY = '2026-01-01T00:00:00.000Z'
export const LATER = '2026-02-01T00:00:00.000Z'

export const APPLIED: Outcome = { status: 'applied' }
export const refused = (reason: string): object => ({ status: 'refused', reason })

export const account = (did: Did, fields: Partial<NewAccount> = {}): AccountChange => ({
  type: 'createAccount',
  account: {
    did,
    handle: `${did.at(-1)}.example.com`,
    email: `${did.at(-1)}@example.com`,
    passwordHash: `hash of ${did}`,
    signingKey: new Uint8Array(32).fill(did.charCodeAt(9)),
    createdAt: DAY,
    deactivatedAt: null,
    ...fields,
  },
})

export const session = (id: string, fields: Partial<Session> = {}): AccountChange => ({
  type: 'keepSession',
  session: { id, did: ALICE, expiresAt: 1000, nextId: null, appPassword: null, ...fields },
})

export const rotate = (id: string, next: string, now = 100, did = ALICE): AccountChange => ({
  type: 'rotateSession',
  did,
  id,
  next: { id: next, expiresAt: 2000 },
  graceUntil: 200,
  now,
})

export const appPassword = (name: string, max = 50): AccountChange => ({
  type: 'createAppPassword',
  did: ALICE,
  name,
  passwordHash: `hash of ${name}`,
  privileged: name === 'chat',
  createdAt: DAY,
  max,
})

export const invite = (
  code: string,
  available = 1,
  createdAt = DAY,
  forAccount = 'admin',
): AccountChange => ({
  type: 'createInvite',
  code,
  available,
  forAccount,
  createdBy: 'admin',
  createdAt,
})
export const useInvite = (code: string, did: Did, at = DAY): AccountChange => ({
  type: 'useInvite',
  code,
  did,
  at,
})

export const code = (
  token: string,
  requestedAt = 1000,
  fields: { purpose?: string; address?: string } = {},
): AccountChange => ({
  type: 'keepCode',
  code: {
    did: ALICE,
    purpose: 'reset-password',
    token,
    address: 'A@example.com',
    madeAt: requestedAt,
    requestedAt,
    ...fields,
  },
  expiredBefore: 500,
  max: 2,
})
export const spend = (token: string, expiredBefore = 500, did = ALICE): AccountChange => ({
  type: 'spendCode',
  did,
  purpose: 'reset-password',
  token,
  expiredBefore,
})

export const reserve = (didKey: string, did: Did | null, max = 3, createdAt = DAY): AccountChange => ({
  type: 'reserveKey',
  key: { didKey, did, privateKey: Uint8Array.of(1, 2, 3), createdAt },
  max,
})

export const factor = (
  id: string,
  fields: Partial<Factor> = {},
  max = 3,
): AccountChange & { type: 'addFactor' } => ({
  type: 'addFactor',
  factor: {
    id,
    did: ALICE,
    kind: 'passkey',
    name: `factor ${id}`,
    secret: Uint8Array.of(1, 2, 3),
    counter: 0,
    transports: ['internal', 'hybrid'],
    createdAt: DAY,
    ...fields,
  },
  max,
})
export const useFactor = (id: string, from: number, to: number, did = ALICE): AccountChange => ({
  type: 'useFactor',
  did,
  id,
  from,
  to,
  at: LATER,
})

export const challenge = (
  id: string,
  expiresAt = 1000,
  fields: Partial<Challenge> = {},
  max = 2,
): AccountChange => ({
  type: 'keepChallenge',
  challenge: {
    id,
    did: ALICE,
    purpose: 'sign-in',
    binding: 'browser',
    secret: Uint8Array.of(7),
    expiresAt,
    ...fields,
  },
  max,
})
