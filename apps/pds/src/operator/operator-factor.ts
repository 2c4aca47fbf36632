import { randomBytes } from 'node:crypto'

import { PdsError } from '../errors.ts'
import { makeRecoveryCodes, readCode, recoveryHash } from '../factors/codes.ts'
import type { Seal } from '../factors/sealed.ts'
import { base32, matchTotp, totpUri } from '../factors/totp.ts'
import type { OperatorChange, OperatorRows } from '../stores/operator-rows.ts'

/** How the page of the operator is guarded beside the password. Times are ISO 8601. */
export interface OperatorFactorState {
  /** Null while there is no factor: the password alone opens the page. */
  readonly active: { readonly addedAt: string; readonly lastUsedAt: string | null } | null
  /** Whether one waits for its first code. */
  readonly isPending: boolean
  readonly recoveryCodes: number
}

/** The factor of the operator's page: one authenticator app, and recovery codes. */
export interface OperatorFactor {
  state(): Promise<OperatorFactorState>
  /** The id of the one that guards the page; null for none. */
  activeId(): Promise<string | null>
  /** Begins to add an app, which guards the page once `confirm` saw a code of it. Until then, one that is there stays. */
  propose(): Promise<{ readonly secret: string; readonly uri: string }>
  /**
   * Sign-ins of before it count no more.
   * @returns new recovery codes, shown this once. @throws PdsError `factor-invalid`, and `not-found` where none is pending
   */
  confirm(code: string): Promise<readonly string[]>
  /** With the recovery codes. Sign-ins by it count no more. @throws PdsError `not-found` */
  remove(): Promise<void>
  /** New ones in the place of those that are left. @throws PdsError `not-found` where there is no factor */
  renewRecoveryCodes(): Promise<readonly string[]>
  /** What uses a code up; null when it is wrong. Nothing is asked, and used up, where there is no factor. */
  check(typed: string): Promise<readonly OperatorChange[] | null>
}

/** What the factor composes. */
export interface OperatorFactorParts {
  readonly rows: OperatorRows
  readonly seal: Seal
  /** Names the server in authenticator apps. */
  readonly hostname: string
  readonly now?: () => number
}

const CONTEXT = 'totp of the operator'
const SECRET_BYTES = 20
const hashOf = (code: string): string => recoveryHash(code.replaceAll('-', ''))

/** The factor in `rows`. */
export function createOperatorFactor(parts: OperatorFactorParts): OperatorFactor {
  const { rows, seal, hostname, now = Date.now } = parts
  const iso = (ms: number): string => new Date(ms).toISOString()
  const missing = (): PdsError => new PdsError('not-found', 'There is no such factor')

  const apply = async (changes: readonly OperatorChange[]): Promise<void> => {
    if (!(await rows.apply(changes))) throw missing()
  }
  const recovery = (codes: readonly string[]): OperatorChange => ({
    type: 'setOperatorRecoveryCodes',
    hashes: codes.map(hashOf),
  })

  return {
    state: async () => {
      const active = await rows.factor('active')
      return {
        active:
          active === null
            ? null
            : {
                addedAt: iso(active.createdAt),
                lastUsedAt: active.lastUsedAt === null ? null : iso(active.lastUsedAt),
              },
        isPending: (await rows.factor('pending')) !== null,
        recoveryCodes: await rows.recoveryCodes(),
      }
    },
    activeId: async () => (await rows.factor('active'))?.id ?? null,
    propose: async () => {
      const secret = new Uint8Array(randomBytes(SECRET_BYTES))
      const id = randomBytes(16).toString('base64url')
      const factor = {
        id,
        secret: seal.seal(secret, CONTEXT),
        counter: -1,
        createdAt: now(),
        lastUsedAt: null,
      }
      await apply([{ type: 'proposeOperatorFactor', factor }])
      return { secret: base32(secret), uri: totpUri(secret, hostname, 'operator') }
    },
    confirm: async (typed) => {
      const pending = await rows.factor('pending')
      if (pending === null) throw missing()
      const read = readCode(typed)
      const secret = seal.open(pending.secret, CONTEXT)
      const step =
        read?.kind === 'totp' && secret !== null ? matchTotp(secret, read.text, pending.counter, now()) : null
      if (step === null) throw new PdsError('factor-invalid', 'The code is wrong')
      const codes = makeRecoveryCodes()
      await apply([
        // The code that was shown here signs nobody in.
        { type: 'adoptOperatorFactor', id: pending.id, counter: step },
        recovery(codes),
      ])
      return codes
    },
    remove: async () => {
      const [active, pending] = [await rows.factor('active'), await rows.factor('pending')]
      if (active === null && pending === null) throw missing()
      await apply([{ type: 'removeOperatorFactor' }])
    },
    renewRecoveryCodes: async () => {
      if ((await rows.factor('active')) === null) throw missing()
      const codes = makeRecoveryCodes()
      await apply([recovery(codes)])
      return codes
    },
    check: async (typed) => {
      const active = await rows.factor('active')
      if (active === null) return []
      const code = readCode(typed)
      if (code?.kind === 'recovery') {
        return [{ type: 'spendOperatorRecoveryCode', hash: recoveryHash(code.text) }]
      }
      const secret = seal.open(active.secret, CONTEXT)
      if (code?.kind !== 'totp' || secret === null) return null
      const step = matchTotp(secret, code.text, active.counter, now())
      return step === null
        ? null
        : [{ type: 'useOperatorFactor', id: active.id, from: active.counter, to: step, at: now() }]
    },
  }
}
