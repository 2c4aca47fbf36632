import type { AccountRows } from '@avocet/accounts'
import { parseAtUri, type Did } from '@avocet/syntax'
import type { RepoServerStore } from '@avocet/repo-server'

import { PdsError } from '../errors.ts'
import type { Lifecycle } from '../accounts/lifecycle.ts'

/** What a decision of the operator is about. */
export type Subject =
  | { readonly kind: 'account'; readonly did: Did }
  | { readonly kind: 'record'; readonly did: Did; readonly collection: string; readonly rkey: string }
  | { readonly kind: 'blob'; readonly did: Did; readonly cid: string }

/** The operator's decisions about accounts, records and blobs. */
export interface Moderation {
  /** @param ref the reference of the decision; null takes it back. @throws PdsError `not-found` */
  takedown(subject: Subject, ref: string | null): Promise<void>
  /** @throws PdsError `invalid-request` unless the subject is an account */
  setDeactivated(subject: Subject, deactivated: boolean): Promise<void>
  /** The subject and its state in the form of the lexicon, or null. */
  status(query: { did?: Did; uri?: string; blob?: string }): Promise<object | null>
}

/** Decisions over the stores of this server. */
export function createModeration(
  accounts: AccountRows,
  server: RepoServerStore,
  lifecycle: Lifecycle,
): Moderation {
  const { records, blobs } = server
  const attribute = (ref: string | null): object =>
    ref === null ? { applied: false } : { applied: true, ref }

  const recordStatus = async (uri: string): Promise<object | null> => {
    const subject = recordSubject(uri)
    const row = await records.get(subject.did, subject.collection, subject.rkey)
    if (row === null) return null
    return {
      subject: { $type: 'com.atproto.repo.strongRef', uri, cid: row.cid },
      takedown: attribute(row.takedownRef),
    }
  }

  return {
    takedown: async (subject, ref) => {
      if (subject.kind === 'account') {
        if ((await accounts.get(subject.did)) === null) throw new PdsError('not-found', 'Subject not found')
        return lifecycle.takedown(subject.did, ref)
      }
      const { kind: _, did, ...what } = subject
      const outcome = await server.apply({ type: 'takedown', did, subject: what, ref })
      if (outcome.status !== 'applied') throw new PdsError('not-found', 'Subject not found')
    },
    setDeactivated: async (subject, deactivated) => {
      if (subject.kind !== 'account')
        throw new PdsError('invalid-request', 'Only an account can be deactivated')
      if (deactivated) await lifecycle.deactivate(subject.did, null)
      else await lifecycle.activate(subject.did)
    },
    status: async ({ did, uri, blob }) => {
      if (blob !== undefined) {
        if (did === undefined)
          throw new PdsError('invalid-request', 'Must provide a did to request blob state')
        const row = await blobs.get(did, blob)
        if (row === null) return null
        const subject = { $type: 'com.atproto.admin.defs#repoBlobRef', did, cid: blob }
        return { subject, takedown: attribute(row.takedownRef) }
      }
      if (uri !== undefined) return recordStatus(uri)
      if (did === undefined) throw new PdsError('invalid-request', 'No provided subject')
      const account = await accounts.get(did)
      if (account === null) return null
      return {
        subject: { $type: 'com.atproto.admin.defs#repoRef', did },
        takedown: attribute(account.takedownRef),
        deactivated: { applied: account.deactivatedAt !== null },
      }
    },
  }
}

/** Reads a subject in the form of the lexicon. @throws PdsError `invalid-request` */
export function parseSubject(subject: object): Subject {
  const { $type, did, uri, cid } = subject as { $type?: string; did?: Did; uri?: string; cid?: string }
  if ($type === 'com.atproto.admin.defs#repoRef' && did !== undefined) return { kind: 'account', did }
  if ($type === 'com.atproto.admin.defs#repoBlobRef' && did !== undefined && cid !== undefined) {
    return { kind: 'blob', did, cid }
  }
  if ($type === 'com.atproto.repo.strongRef' && uri !== undefined) return recordSubject(uri)
  throw new PdsError('invalid-request', `Invalid subject: ${$type ?? 'no $type'}`)
}

function recordSubject(uri: string): Subject & { kind: 'record' } {
  const parsed = parseAtUri(uri)
  if (parsed.ok) {
    const { authority, collection, rkey } = parsed.value
    if (authority.startsWith('did:') && collection !== undefined && rkey !== undefined) {
      return { kind: 'record', did: authority as Did, collection, rkey }
    }
  }
  throw new PdsError('invalid-request', `Not the URI of a record: ${uri}`)
}
