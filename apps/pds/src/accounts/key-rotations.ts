import type { Awaitable } from '@avocet/accounts'
import { createKeypair, importKeypair, type DidKey } from '@avocet/crypto'
import { applyWrites } from '@avocet/repo'
import type { Did, TidClock } from '@avocet/syntax'
import { identityEvent, revAfter, syncEvent, type KeyedLock } from '@avocet/repo-server'

import { PdsError } from '../errors.ts'
import type { Identities } from '../identity/identities.ts'
import type { Signers } from '../identity/signers.ts'
import type { AppChange } from '../stores/app-change.ts'
import type { Stores } from '../stores/stores.ts'
import { hostingStatus } from '../account.ts'
import { buildAppChange } from './changes.ts'

/** What a rotation did, or would do. */
export interface RotationReport {
  readonly did: Did
  /** `none`: nothing to do. `planned`: a dry run. */
  readonly outcome: 'rotated' | 'planned' | 'none'
  readonly detail: string
  readonly from: string | null
  readonly to: string | null
}

/** New keys for accounts, and for what this server signs operations with. */
export interface KeyRotations {
  /**
   * Gives an account a new signing key: it is stored, then the directory is told, then the repository is signed anew and
   * announced. Cut off at any point it goes on where it was, with the same key.
   * @param apply false only looks
   * @throws PdsError `invalid-request` where the operation is not this server's to sign, `directory-failed`, `rev-ahead`
   */
  signingKey(did: Did, apply: boolean): Promise<RotationReport>
  /**
   * Puts this server's rotation key in the place of its previous one (`PDS_PLC_PREVIOUS_ROTATION_KEY_…`) in an identity.
   * @throws PdsError `invalid-request`, `directory-failed`
   */
  rotationKey(did: Did, apply: boolean): Promise<RotationReport>
  /** Ends the rotations that were cut off. */
  resume(): Promise<void>
  /** When the signing key of an account was rotated last, in ms since 1970; null if never. */
  rotatedAt(did: Did): Awaitable<number | null>
}

/** What rotations compose. */
export interface KeyRotationsParts {
  readonly stores: Pick<Stores, 'accounts' | 'server' | 'rotations' | 'apply'>
  readonly signers: Signers
  readonly identities: Identities
  readonly locks: KeyedLock
  readonly tids: TidClock
  /** Forgets a cached DID document. */
  readonly purge: (did: Did) => void
}

const LIVING = ['active', 'deactivated', 'suspended', 'takendown'] as const

/** Rotations over the stores of this server. */
export function createKeyRotations(parts: KeyRotationsParts): KeyRotations {
  const { stores, signers, identities, locks, tids, purge } = parts
  const { accounts, server, rotations } = stores

  /** Signs the repository with the new key, and announces it. */
  const changeOf = async (did: Did, privateKey: Uint8Array): Promise<AppChange> => {
    const { handle, deactivatedAt, takedownRef } = (await accounts.get(did))!
    const set = { signingKey: privateKey }
    const expect = { handle, deactivatedAt, takedownRef }
    const update = {
      accounts: [{ type: 'updateAccount', did, set, expect }],
      rows: [{ type: 'keyRotated', did, at: Date.now() }],
    } as const satisfies AppChange
    const told = { type: 'announcement', did, events: [identityEvent(did, handle)] } as const
    const stored = await server.repos.getHead(did)
    if (stored === null) return { ...update, repos: [told] }
    // A repository that is turned off is signed anew too.
    const { status: _, ...head } = stored
    const rev = revAfter(tids, did, head.rev)
    const signer = importKeypair('k256', privateKey)
    const commit = await applyWrites({ did, head, store: server.repos, writes: [], signer, rev })
    // Relays are told nothing of the repository of an account that is not active.
    const events = hostingStatus({ deactivatedAt, takedownRef }) === 'active' ? [syncEvent(commit)] : []
    const signed = {
      type: 'commit',
      did,
      commit,
      records: [],
      claims: [],
      events,
      onlyWhile: LIVING,
    } as const
    return { ...update, repos: [told, signed] }
  }

  const adoptKey = async (did: Did, privateKey: Uint8Array): Promise<void> => {
    await buildAppChange(stores, () => changeOf(did, privateKey))
    signers.drop(did)
    purge(did)
  }

  const signingKey: KeyRotations['signingKey'] = (did, apply) =>
    locks.run(did, async () => {
      if ((await accounts.get(did)) === null) {
        throw new PdsError('account-not-found', `Account not found; did=${did}`)
      }
      const from = (await signers.get(did)).didKey
      if (!did.startsWith('did:plc:')) {
        throw new PdsError(
          'invalid-request',
          `Only the owner of a ${did.split(':', 2).join(':')} can change its key`,
        )
      }
      const last = await identities.last(did)
      const pending = await rotations.pending(did)
      const to = pending === null ? null : importKeypair('k256', pending).didKey
      const told = last.verificationMethods['atproto']
      if (told !== from && told !== to) {
        throw new PdsError('invalid-request', 'The directory has a key that this server does not know')
      }
      if (told === from && !identities.maySign(last)) {
        throw new PdsError('invalid-request', "The identity does not list this server's rotation key")
      }
      const head = await server.repos.getHead(did)
      // What the repository cannot follow must not be told to the directory.
      if (head !== null) revAfter(tids, did, head.rev)
      if (!apply) return { did, outcome: 'planned', detail: 'would get a new signing key', from, to }
      // One made before and not in use yet, else a new one; durable from now on.
      const next = await rotations.prepare(did, createKeypair('k256').exportPrivateKey())
      const made: DidKey = importKeypair('k256', next).didKey
      if (told === from) await identities.change(did, { signingKey: made })
      await adoptKey(did, next)
      return { did, outcome: 'rotated', detail: 'has a new signing key', from, to: made }
    })

  const rotationKey: KeyRotations['rotationKey'] = async (did, apply) => {
    const { rotationKey: to, previousRotationKey: from } = identities
    const report = (outcome: RotationReport['outcome'], detail: string): RotationReport => ({
      did,
      outcome,
      detail,
      from,
      to,
    })
    if (!did.startsWith('did:plc:')) return report('none', 'has no rotation keys')
    const last = await identities.last(did)
    if (from === null || !last.rotationKeys.includes(from)) {
      return report(
        'none',
        last.rotationKeys.includes(to) ? 'lists the key already' : 'lists no key of this server',
      )
    }
    if (!apply) return report('planned', 'would list the new rotation key in the place of the previous one')
    const rotationKeys = [...new Set(last.rotationKeys.map((key) => (key === from ? to : key)))]
    await identities.change(did, { rotationKeys })
    return report('rotated', 'lists the new rotation key in the place of the previous one')
  }

  return {
    signingKey,
    rotationKey,
    resume: async () => {
      const dids = await rotations.unfinished()
      const outcomes = await Promise.allSettled(dids.map((did) => signingKey(did, true)))
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
    rotatedAt: (did) => rotations.rotatedAt(did),
  }
}
