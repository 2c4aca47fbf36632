import type { AccountReads } from '@avocet/accounts'
import type { SqliteAccountStore } from '@avocet/accounts/sqlite'
import { createKeypair, importKeypair, type DidKey } from '@avocet/crypto'
import { applyWrites } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Did, TidClock } from '@avocet/syntax'
import { assertApplied, revAfter, syncEvent, type KeyedLock } from '@avocet/repo-server'
import type { SqliteRepoServerStore } from '@avocet/repo-server/sqlite'

import { PdsError } from '../errors.ts'
import type { Announcements } from '../events/announcements.ts'
import type { Identities } from '../identity/identities.ts'
import type { Signers } from '../identity/signers.ts'
import { hostingStatus } from '../account.ts'
import { requireDone } from './changes.ts'

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
  rotatedAt(did: Did): number | null
}

/** What rotations compose. */
export interface KeyRotationsParts {
  readonly db: Database
  readonly accountStore: SqliteAccountStore
  readonly server: SqliteRepoServerStore
  readonly signers: Signers
  readonly identities: Identities
  readonly announcements: Announcements
  readonly locks: KeyedLock
  readonly tids: TidClock
  /** Forgets a cached DID document. */
  readonly purge: (did: Did) => void
}

const LIVING = ['active', 'deactivated', 'suspended', 'takendown'] as const

/** Rotations over the stores of this server. */
export function createKeyRotations(parts: KeyRotationsParts): KeyRotations {
  const { db, accountStore, server, signers, identities, announcements, locks, tids, purge } = parts
  const { accounts }: AccountReads = accountStore

  const pendingKey = (did: Did): Uint8Array | null => {
    const row = db.prepare('SELECT pending FROM key_rotation WHERE did = ?').get(did)
    return (row?.['pending'] as Uint8Array | null | undefined) ?? null
  }

  /** The key that the account is to have: one made before and not in use yet, else a new one, on the disk from now on. */
  const prepareKey = async (did: Did): Promise<Uint8Array> => {
    const known = pendingKey(did)
    if (known !== null) return known
    const made = createKeypair('k256').exportPrivateKey()
    await db.write(() =>
      db
        .prepare(
          `INSERT INTO key_rotation (did, pending) VALUES (?, ?)
           ON CONFLICT (did) DO UPDATE SET pending = excluded.pending`,
        )
        .run(did, made),
    )
    return made
  }

  /** Signs the repository with the new key, and announces it: one transaction. */
  const adoptKey = async (did: Did, privateKey: Uint8Array): Promise<void> => {
    const key = importKeypair('k256', privateKey)
    const { handle, deactivatedAt, takedownRef } = (await accounts.get(did))!
    const store = (): void => {
      const set = { signingKey: privateKey }
      const expect = { handle, deactivatedAt, takedownRef }
      requireDone(accountStore.applyIn(db, [{ type: 'updateAccount', did, set, expect }]))
      db.prepare('UPDATE key_rotation SET pending = NULL, rotated_at = ? WHERE did = ?').run(Date.now(), did)
      announcements.identity(did, handle)
    }
    const stored = await server.repos.getHead(did)
    if (stored === null) await db.write(store)
    else {
      // A repository that is turned off is signed anew too.
      const { status: _, ...head } = stored
      const rev = revAfter(tids, did, head.rev)
      const commit = await applyWrites({ did, head, store: server.repos, writes: [], signer: key, rev })
      await db.write(() => {
        store()
        // Relays are told nothing of the repository of an account that is not active.
        const events = hostingStatus({ deactivatedAt, takedownRef }) === 'active' ? [syncEvent(commit)] : []
        const change = { type: 'commit', did, commit, records: [], claims: [], events } as const
        assertApplied(server.applyTo({ ...change, onlyWhile: LIVING }))
      })
    }
    signers.drop(did)
    purge(did)
  }

  const signingKey: KeyRotations['signingKey'] = (did, apply) =>
    locks.run(did, async () => {
      if ((await accounts.get(did)) === null) {
        throw new PdsError('account-not-found', `Account not found; did=${did}`)
      }
      const from = signers.get(did).didKey
      if (!did.startsWith('did:plc:')) {
        throw new PdsError(
          'invalid-request',
          `Only the owner of a ${did.split(':', 2).join(':')} can change its key`,
        )
      }
      const last = await identities.last(did)
      const pending = pendingKey(did)
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
      const next = await prepareKey(did)
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
      const rows = db.prepare('SELECT did FROM key_rotation WHERE pending IS NOT NULL').all()
      const outcomes = await Promise.allSettled(rows.map((row) => signingKey(row['did'] as Did, true)))
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
    rotatedAt: (did) =>
      (db.prepare('SELECT rotated_at FROM key_rotation WHERE did = ?').get(did)?.['rotated_at'] as
        | number
        | null
        | undefined) ?? null,
  }
}
