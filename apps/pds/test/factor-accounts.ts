// Two accounts in a store, what guards them, and a clock that the test sets.
import { openAccountStore, type SqliteAccountStore } from '@avocet/accounts/sqlite'
import { openDatabase } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'

import type { Account } from '../src/account.ts'
import { hashPassword } from '../src/accounts/passwords.ts'
import { totpCode, totpStep } from '../src/factors/totp.ts'
import { createPasskey, type Passkey } from './authenticator.ts'
import { fromBase32 } from './authenticator-app.ts'
import { createFactorParts, type FactorParts } from './factor-parts.ts'

export const ANNA: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const BOB: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
export const PASSWORD = 'correct horse'
export const AT_HOME = { address: '198.51.100.1', binding: 'the browser at home' }
export const ELSEWHERE = { address: '203.0.113.9', binding: 'another browser' }
export const MINUTE = 60_000

/** An app that was added. */
export interface App {
  readonly id: string
  readonly secret: Uint8Array
  readonly recoveryCodes: readonly string[] | null
}

/** Anna and Bob, with all parts. */
export interface Scene extends FactorParts {
  readonly store: SqliteAccountStore
  readonly clock: { now: number }
  readonly account: (did?: Did) => Account
  readonly addApp: (did?: Did) => Promise<App>
  readonly addPasskey: (did?: Did, passkey?: Passkey) => Promise<Passkey>
  /** The code of an app now, or so many steps from now. */
  readonly code: (app: App, offset?: number) => string
  /** The code in the newest mail that has one. */
  readonly mailed: () => string
  /** Subjects of the mails to an address, the oldest first. */
  readonly subjects: (to?: string) => Promise<string[]>
}

let hashed: string | null = null

export async function setScene(): Promise<Scene> {
  hashed ??= await hashPassword(PASSWORD)
  const passwordHash = hashed
  const clock = { now: Date.parse('2026-01-01T00:00:10Z') }
  const store = openAccountStore(openDatabase({ path: ':memory:' }))
  const parts = createFactorParts(store, () => clock.now)
  const people = [
    [ANNA, 'anna'],
    [BOB, 'bob'],
  ] as const
  await store.apply(
    people.map(([did, name]) => ({
      type: 'createAccount',
      account: {
        did,
        handle: `${name}.test` as Handle,
        email: `${name}@example.com`,
        passwordHash,
        signingKey: new Uint8Array(32),
        createdAt: new Date(clock.now).toISOString(),
      },
    })),
  )
  const account = (did = ANNA): Account => store.accounts.get(did)!
  const code: Scene['code'] = ({ secret }, offset = 0) => totpCode(secret, totpStep(clock.now) + offset)
  return {
    ...parts,
    store,
    clock,
    account,
    code,
    addApp: async (did = ANNA) => {
      const { ticket, secret: typed } = await parts.factors.beginTotp(account(did), AT_HOME)
      const secret = fromBase32(typed)
      const shown = totpCode(secret, totpStep(clock.now))
      const added = await parts.factors.finishTotp(did, { ticket, code: shown, name: 'phone' }, AT_HOME)
      return { id: added.factor.id, secret, recoveryCodes: added.recoveryCodes }
    },
    addPasskey: async (did = ANNA, passkey = createPasskey({ counts: true })) => {
      const { ticket, options } = await parts.factors.beginPasskey(account(did), AT_HOME)
      const response = passkey.create(options)
      await parts.factors.finishPasskey(did, { ticket, response, name: 'laptop' }, AT_HOME)
      return passkey
    },
    mailed: () => {
      const found = parts.mails.map(({ text }) => /^ {4}(\S{5}-\S{5})$/m.exec(text)?.[1])
      return found.findLast((one) => one !== undefined)!
    },
    subjects: async (to = 'anna@example.com') => {
      await parts.posted()
      return parts.mails
        .filter((mail) => mail.to === to)
        .map(({ subject }) => subject.replace(' (pds.example.com)', ''))
    },
  }
}

/** The code of the error that something ends with, or `fine`. */
export const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: { code?: string }) => error.code ?? String(error),
  )
