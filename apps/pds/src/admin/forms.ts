import type { Account } from '../account.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { PdsError } from '../errors.ts'
import { perform, type Act } from '../operator/acts.ts'
import type { OperatorDesk } from '../operator/desk-pages.ts'
import { toXrpcError } from '../wire-errors.ts'
import { causeOf } from '../redact.ts'
import type { AdminVisit } from './visit.ts'

/** What a form was answered with: what was done, or the status and words of what went wrong. */
export type FormOutcome<T extends object> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly problem: string }

/** What an act of the page did. */
export const DONE: ReadonlyMap<string, string> = new Map([
  ['takedown', 'The account was taken down.'],
  ['untakedown', 'The account was put back.'],
  ['reset', 'A code was mailed to its owner.'],
  ['factors', 'The second factors were removed.'],
  ['quota', 'The bounds were set.'],
  ['enable-invites', 'It is noted that the account may invite.'],
  ['disable-invites', 'It is noted that the account may not invite.'],
  ['delete', 'The account was deactivated, and is deleted after the hold.'],
  ['keep', 'The account is kept.'],
  ['disable', 'The invite code was disabled.'],
])

/** The act that a form of the page of an account asks for. @throws PdsError `invalid-request` */
export function accountAct({ acts }: OperatorDesk, account: Account, form: URLSearchParams): Act {
  const value = (name: string): string => (form.get(name) ?? '').trim()
  switch (form.get('do')) {
    case 'takedown':
      return acts.takedown(account, value('ref').slice(0, 512) || new Date().toISOString())
    case 'untakedown':
      return acts.takedown(account, null)
    case 'reset':
      return acts.resetByMail(account)
    case 'factors':
      return acts.removeFactors(account, 'all')
    case 'quota':
      return acts.setQuota(account.did, {
        blobBytes: bound(value('blobBytes')),
        records: bound(value('records')),
      })
    case 'enable-invites':
      return acts.setInvites(account, false)
    case 'disable-invites':
      return acts.setInvites(account, true)
    case 'delete':
      if (value('typed') !== (account.handle ?? account.did)) {
        throw new PdsError(
          'invalid-request',
          'What was typed is not the name of the account: nothing was done',
        )
      }
      return acts.planDeletion(account)
    case 'keep':
      return acts.keep(account)
    default:
      throw new PdsError('invalid-request', 'The page has no such form')
  }
}

/** Does what `read` finds to do, as the operator at the page. */
export async function performForm<T extends object>(
  audit: Pick<AuditLog, 'record'>,
  { sighting: { address } }: AdminVisit,
  read: () => Act<T> | Promise<Act<T>>,
): Promise<FormOutcome<T>> {
  try {
    const value = await perform(audit, await read(), { actor: 'operator', address, isAtPage: true })
    return { ok: true, value }
  } catch (error) {
    const told = toXrpcError(error)
    if (told === undefined) throw error
    return { ok: false, status: told.status, problem: causeOf(error) }
  }
}

/** A number of a form; null where it is empty. @throws PdsError `invalid-request` */
function bound(text: string): number | null {
  if (text === '') return null
  if (!/^\d{1,15}$/.test(text)) throw new PdsError('invalid-request', 'Expected a whole number, or nothing')
  return Number(text)
}

/** A whole number of a form; NaN for what is none. */
export const wholeNumber = (text: string | null): number =>
  /^\d{1,9}$/.test(text ?? '') ? Number(text) : Number.NaN
