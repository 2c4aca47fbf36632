import type { FactorChange } from '../change.ts'
import { compare, recoveryKey, type ChangesBy } from './tables.ts'

/** Changes of factors, of recovery codes, and of what waits for an answer. */
export const FACTOR_CHANGES: ChangesBy<FactorChange> = {
  addFactor: ({ accounts, factors }, { factor, max }) => {
    const { did, id, kind } = factor
    if (accounts.get(did) === undefined) return 'account-not-found'
    if (factors.get(id) !== undefined) return 'id-taken'
    if (factors.filter((row) => row.did === did && row.kind === kind).length >= max) return 'too-many-factors'
    const secret = new Uint8Array(factor.secret)
    factors.set(id, { ...factor, secret, transports: [...factor.transports], lastUsedAt: null })
    return null
  },
  renameFactor: ({ factors }, { did, id, name }) => {
    const row = factors.get(id)
    if (row?.did !== did) return 'factor-not-found'
    factors.set(id, { ...row, name })
    return null
  },
  removeFactor: ({ factors }, { did, id }) => {
    if (factors.get(id)?.did !== did) return 'factor-not-found'
    factors.delete(id)
    return null
  },
  useFactor: ({ factors }, { did, id, from, to, at }) => {
    const row = factors.get(id)
    if (row?.did !== did) return 'factor-not-found'
    if (row.counter !== from) return 'stale'
    factors.set(id, { ...row, counter: to, lastUsedAt: at })
    return null
  },
  requireNoFactors: ({ accounts, factors }, { did }) => {
    const account = accounts.get(did)
    if (account === undefined) return 'account-not-found'
    return account.emailAuthFactor || factors.find((row) => row.did === did) !== undefined ? 'stale' : null
  },
  setRecoveryCodes: ({ accounts, recoveryCodes }, { did, hashes }) => {
    if (accounts.get(did) === undefined) return 'account-not-found'
    recoveryCodes.deleteWhere((row) => row.did === did)
    for (const hash of hashes) recoveryCodes.set(recoveryKey(did, hash), { did, hash })
    return null
  },
  spendRecoveryCode: ({ recoveryCodes }, { did, hash }) => {
    if (recoveryCodes.get(recoveryKey(did, hash)) === undefined) return 'code-invalid'
    recoveryCodes.delete(recoveryKey(did, hash))
    return null
  },
  keepChallenge: ({ accounts, challenges }, { challenge, max }) => {
    const { did, id, purpose } = challenge
    if (did !== null && accounts.get(did) === undefined) return 'account-not-found'
    if (challenges.get(id) !== undefined) return 'id-taken'
    const alike = challenges.filter((row) => row.did === did && row.purpose === purpose)
    const ordered = alike.toSorted((a, b) => b.expiresAt - a.expiresAt || compare(a.id, b.id))
    for (const row of ordered.slice(max - 1)) challenges.delete(row.id)
    challenges.set(id, { ...challenge, secret: new Uint8Array(challenge.secret), tries: 0 })
    return null
  },
  tryChallenge: ({ challenges }, { id, max, now }) => {
    const row = challenges.get(id)
    if (row === undefined || row.expiresAt <= now || row.tries >= max) return 'challenge-ended'
    challenges.set(id, { ...row, tries: row.tries + 1 })
    return null
  },
  spendChallenge: ({ challenges }, { id, now }) => {
    const row = challenges.get(id)
    if (row === undefined || row.expiresAt <= now) return 'challenge-ended'
    challenges.delete(id)
    return null
  },
  dropChallenges: ({ challenges }, { did }) => {
    challenges.deleteWhere((row) => row.did === did)
    return null
  },
  forgetChallenges: ({ challenges }, { now }) => {
    challenges.deleteWhere((row) => row.expiresAt <= now)
    return null
  },
}
