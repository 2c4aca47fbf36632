import type { Pds } from '../src/app.ts'
import { totpCode, totpStep } from '../src/factors/totp.ts'

/** An authenticator app of an account. */
export interface AddedApp {
  readonly id: string
  /** The code of now, or so many steps from now. */
  readonly code: (offset: number) => string
  readonly recoveryCodes: readonly string[]
}

const VISITOR = { address: '127.0.0.1', binding: 'browser' }

/** Adds an app to an account of a running server, as its pages will. */
export async function addApp(pds: Pick<Pds, 'accounts' | 'factors'>, identifier: string): Promise<AddedApp> {
  const account = (await pds.accounts.find(identifier))!
  const { ticket, secret: typed } = await pds.factors.beginTotp(account, VISITOR)
  const secret = fromBase32(typed)
  const code = (offset: number): string => totpCode(secret, totpStep(Date.now()) + offset)
  const answer = { ticket, code: code(0), name: 'phone' }
  const { factor, recoveryCodes } = await pds.factors.finishTotp(account.did, answer, VISITOR)
  return { id: factor.id, code, recoveryCodes: recoveryCodes ?? [] }
}

/** What an app makes of a secret that somebody types. */
export function fromBase32(typed: string): Uint8Array {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let bits = 0n
  for (const digit of typed) bits = bits * 32n + BigInt(digits.indexOf(digit))
  const bytes = Math.floor((typed.length * 5) / 8)
  const hex = (bits >> BigInt((typed.length * 5) % 8)).toString(16).padStart(bytes * 2, '0')
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
