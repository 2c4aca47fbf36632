import type { CodeChange, InviteChange, ReservationChange } from '../change.ts'
import type { ChangesBy } from './tables.ts'

/** Changes of invites. */
export const INVITE_CHANGES: ChangesBy<InviteChange> = {
  createInvite: ({ invites }, { code, available, forAccount, createdBy, createdAt }) => {
    if (invites.get(code) !== undefined) return 'id-taken'
    invites.set(code, { code, available, disabled: false, forAccount, createdBy, createdAt, uses: [] })
    return null
  },
  useInvite: ({ invites }, { code, did, at }) => {
    const invite = invites.get(code)
    if (invite === undefined || invite.disabled || invite.uses.length >= invite.available) {
      return 'invite-unavailable'
    }
    if (invite.uses.some(({ usedBy }) => usedBy === did)) return 'invite-unavailable'
    invites.set(code, { ...invite, uses: [...invite.uses, { usedBy: did, usedAt: at }] })
    return null
  },
  disableInvites: ({ invites }, { codes, accounts }) => {
    const isMeant = (code: string, forAccount: string): boolean =>
      codes.includes(code) || accounts.includes(forAccount)
    for (const invite of invites.filter((row) => isMeant(row.code, row.forAccount))) {
      invites.set(invite.code, { ...invite, disabled: true })
    }
    return null
  },
}

/** Changes of mailed codes. */
export const CODE_CHANGES: ChangesBy<CodeChange> = {
  keepCode: ({ accounts, codes }, { code: given, expiredBefore, max }) => {
    const code = { ...given, address: given.address.toLowerCase() }
    const isAlike = (row: typeof code): boolean => row.did === code.did && row.purpose === code.purpose
    if (accounts.get(code.did) === undefined) return 'account-not-found'
    codes.deleteWhere(
      (row) => isAlike(row) && (row.requestedAt < expiredBefore || row.address !== code.address),
    )
    if (codes.filter((row) => isAlike(row)).length >= max) return 'too-many-codes'
    if (codes.get(code.token) !== undefined) return 'id-taken'
    codes.set(code.token, code)
    return null
  },
  renewCode: ({ codes }, { did, purpose, token, at }) => {
    const row = codes.get(token)
    if (row === undefined || row.did !== did || row.purpose !== purpose) return 'code-invalid'
    codes.set(token, { ...row, requestedAt: at })
    return null
  },
  spendCode: ({ accounts, codes }, { did, purpose, token, expiredBefore }) => {
    const row = codes.get(token)
    if (row === undefined || row.did !== did || row.purpose !== purpose) return 'code-invalid'
    if (accounts.get(did)?.email !== row.address) return 'code-invalid'
    if (row.requestedAt < expiredBefore) return 'code-expired'
    codes.deleteWhere((other) => other.did === did && other.purpose === purpose)
    return null
  },
  dropCodes: ({ codes }, { did, purpose }) => {
    codes.deleteWhere((row) => row.did === did && (purpose === undefined || row.purpose === purpose))
    return null
  },
}

/** Changes of reserved keys and of handles under way. */
export const RESERVATION_CHANGES: ChangesBy<ReservationChange> = {
  reserveKey: ({ reservedKeys }, { key, max }) => {
    if (reservedKeys.size >= max) return 'too-many-keys'
    if (reservedKeys.get(key.didKey) !== undefined) return 'id-taken'
    if (key.did !== null && reservedKeys.find(({ did }) => did === key.did) !== undefined) {
      return 'key-reserved'
    }
    reservedKeys.set(key.didKey, { ...key, privateKey: new Uint8Array(key.privateKey) })
    return null
  },
  releaseKey: ({ reservedKeys }, { did }) => {
    reservedKeys.deleteWhere((row) => row.did === did)
    return null
  },
  forgetKeys: ({ reservedKeys }, { before }) => {
    reservedKeys.deleteWhere((row) => row.createdAt < before)
    return null
  },
  noteHandleChange: ({ accounts, handleChanges }, { change }) => {
    if (accounts.get(change.did) === undefined) return 'account-not-found'
    handleChanges.set(change.did, { ...change })
    return null
  },
  forgetHandleChange: ({ handleChanges }, { did }) => {
    handleChanges.delete(did)
    return null
  },
}
