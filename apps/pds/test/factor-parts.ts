// Factors, signing in, and what they compose, over a store of accounts: as the server composes them, on a clock of the test.
import type { AccountStore } from '@avocet/accounts'
import { createMemoryRateLimitStore, type RateLimitStore } from '@avocet/xrpc-server'

import { applyChanges } from '../src/accounts/changes.ts'
import { createCredentials, type Credentials } from '../src/accounts/credentials.ts'
import { createEmailTokens, type EmailTokens } from '../src/accounts/email-tokens.ts'
import { createLetters, type Letters } from '../src/accounts/letters.ts'
import { createLoginBrake, type LoginBrake } from '../src/accounts/login-brake.ts'
import { createMemoryLoginCounts } from '../src/accounts/login-counts.ts'
import { createSignIns, type SignIns } from '../src/accounts/sign-in.ts'
import { createAuditLog } from '../src/audit/audit-log.ts'
import { createChallenges, type Challenges } from '../src/factors/challenges.ts'
import { createCodeLimits, type CodeLimits } from '../src/factors/code-limits.ts'
import { createFactors, type Factors } from '../src/factors/factors.ts'
import { createSeal, type Seal } from '../src/factors/sealed.ts'
import { createSecondFactor, type SecondFactor } from '../src/factors/second-factor.ts'
import { createRelyingParty } from '../src/factors/webauthn.ts'
import { SILENT } from '../src/logger.ts'
import type { Mail } from '../src/mail/mailer.ts'
import { createOutbox } from '../src/mail/outbox.ts'
import type { AuditEntry } from '../src/stores/audit-rows.ts'

export const ORIGIN = 'https://pds.example.com'
export const RP_ID = 'pds.example.com'

/** All parts, and what they said. */
export interface FactorParts {
  readonly mails: Mail[]
  /** Waits until letters that come after an answer are written. */
  readonly posted: () => Promise<void>
  readonly audit: AuditEntry[]
  readonly errors: string[]
  readonly slept: number[]
  readonly emailTokens: EmailTokens
  readonly letters: Letters
  readonly credentials: Credentials
  readonly challenges: Challenges
  readonly seal: Seal
  readonly limits: CodeLimits
  readonly brake: LoginBrake
  readonly secondFactor: SecondFactor
  readonly factors: Factors
  readonly signIns: SignIns
}

/** @param secret what secrets of apps are sealed with */
export function createFactorParts(
  store: AccountStore,
  now: () => number = Date.now,
  {
    secret = 'a secret of the server',
    url = ORIGIN,
    counts = createMemoryRateLimitStore({ now }) as RateLimitStore,
    isAuditAway = false,
  } = {},
): FactorParts {
  const mails: Mail[] = []
  const errors: string[] = []
  const slept: number[] = []
  const entries: AuditEntry[] = []
  const outbox = createOutbox({ send: (mail) => Promise.resolve(void mails.push(mail)) }, SILENT)
  const emailTokens = createEmailTokens(store, now)
  const letters = createLetters(outbox, emailTokens, RP_ID, () => `https://${RP_ID}/reset`)
  const brake = createLoginBrake(createMemoryLoginCounts(now), (ms) => Promise.resolve(void slept.push(ms)))
  const limits = createCodeLimits({
    counts,
    isTrusted: (did, address) => brake.isTrusted(did, address),
    onFlood: (did) => outbox.later(() => flooded(did)),
  })
  const flooded = async (did: Parameters<CodeLimits['guess']>[0]): Promise<void> => {
    letters.tellLater((await store.accounts.get(did))!, 'codes-guessed')
  }
  const changes = { apply: (made: Parameters<AccountStore['apply']>[0]) => applyChanges(store, made) }
  const challenges = createChallenges(store, changes, now)
  const seal = createSeal(secret)
  const relyingParty = createRelyingParty({ url: () => url }, RP_ID)
  const rows = {
    add: (_: number, entry: AuditEntry) =>
      isAuditAway ? Promise.reject(new Error('away')) : Promise.resolve(void entries.push(entry)),
  }
  const audit = createAuditLog({ ...rows, list: () => [], prune: () => Promise.resolve(0) })
  const log = { ...SILENT, error: (_: object, message: string) => void errors.push(message) }
  const common = { store, seal, relyingParty, challenges, limits, letters, audit, log, now }
  const secondFactor = createSecondFactor({
    ...common,
    spending: (token, did) => emailTokens.spending('sign-in', token, did),
  })
  return {
    mails,
    posted: async () => {
      for (let turn = 0; turn < 5; turn++) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    audit: entries,
    errors,
    slept,
    emailTokens,
    letters,
    credentials: createCredentials(store, emailTokens, letters),
    challenges,
    seal,
    limits,
    brake,
    secondFactor,
    factors: createFactors({ ...common, changes, hostname: RP_ID }),
    signIns: createSignIns({ ...common, secondFactor, brake, floorMs: 0 }),
  }
}
