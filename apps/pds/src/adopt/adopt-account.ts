/** Takes one account over: its blobs first, then everything else in one transaction. */
import { exportRepo, importRepo } from '@avocet/repo'
import type { AccountChange } from '@avocet/accounts'
import { importNativeKeypair, nativeVerifier } from '@avocet/crypto-native'
import { formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { readImported, replacing, type RepoServerChange, type StagedRecord } from '@avocet/repo-server'

import { hostingStatus } from '../account.ts'
import { requireDone } from '../accounts/changes.ts'
import { bytesOfFile } from '../blobs/file-bytes.ts'
import type { AppChange } from '../stores/app-change.ts'
import type { SqliteStores as Stores } from '../stores/sqlite/stores.ts'
import type { ReferenceActor, ReferenceBlob } from './reference-actor.ts'
import type { ReferenceAccount, ReferenceAppPassword, ReferenceToken } from './reference-accounts.ts'

/** Everything of an account that is taken over beside what its store holds. */
export interface AccountParts {
  readonly account: ReferenceAccount
  readonly tokens: readonly ReferenceToken[]
  readonly appPasswords: readonly ReferenceAppPassword[]
}

/** What was taken over, and what could not be. */
export interface Adopted {
  readonly records: number
  readonly blobs: number
  readonly problems: readonly string[]
}

/** Least time until a planned deletion is carried out here; the reference plans them and never does. */
const HOLD_MS = 30 * 24 * 60 * 60 * 1000
/** Preferences that are computed, not kept. */
const COMPUTED = 'app.bsky.actor.defs#declaredAgePref'

/**
 * Takes an account over. The repository is read as a stranger's archive would be: signature, hashes and tree are checked, and
 * its commit stays. @throws RepoError, CarError, or Error for what makes that impossible; nothing of the account is there then
 */
export async function adoptAccount(
  stores: Stores,
  parts: AccountParts,
  actor: ReferenceActor,
  now: number,
): Promise<Adopted> {
  const { did } = parts.account
  const problems: string[] = []
  const blobs = await copyBlobs(stores, did, actor.blobs(), problems)
  const change: AppChange = {
    accounts: accountChanges(parts, actor, now),
    repos: blobs.flatMap((blob) => blobChanges(did, blob)),
  }
  if (actor.head === null) {
    requireDone(await stores.apply(change))
    return { records: 0, blobs: blobs.length, problems: [...problems, 'it has no repository'] }
  }
  const takedowns = Array.from(
    actor.takendownRecords(),
    ({ collection, rkey, ref }) =>
      ({ type: 'takedown', did, subject: { collection, rkey }, ref }) as const satisfies RepoServerChange,
  )
  const staging = await stores.stageWith(did, { ...change, repos: [...change.repos!, ...takedowns] })
  const { rev: newest } = actor.head
  try {
    const { records } = await importRepo({
      did,
      ...replacing(stores.server, staging, { status: hostingStatus(parts.account) }, () => []),
      source: exportRepo(actor, did),
      key: importNativeKeypair('k256', actor.signingKey).publicKey,
      verify: nativeVerifier(),
      keepCommit: true,
      onRecords: async (batch) => {
        const staged: StagedRecord[] = []
        for (const entry of batch) {
          const read = readImported(entry)
          if ('reason' in read) {
            problems.push(`record ${entry.path} stays in the repository and is not served: ${read.reason}`)
            continue
          }
          const row = actor.record(entry.path)
          if (row === null || row.cid !== formatCid(entry.cid)) {
            problems.push(`record ${entry.path} is served as the repository has it, not as the index had`)
          }
          staged.push({ ...read, rev: row?.rev ?? newest })
        }
        await staging.add(newest, staged)
      },
    })
    return { records, blobs: blobs.length, problems }
  } finally {
    await staging.discard()
  }
}

/** Copies the files that are whole; each other one is a problem. */
async function copyBlobs(
  { files }: Stores,
  did: Did,
  blobs: readonly ReferenceBlob[],
  problems: string[],
): Promise<ReferenceBlob[]> {
  const copied: ReferenceBlob[] = []
  for (const blob of blobs) {
    try {
      const { cid } = await files.put(did, bytesOfFile(blob.path), Number.MAX_SAFE_INTEGER)
      const found = formatCid(cid)
      if (found === blob.cid) copied.push(blob)
      else {
        await files.remove(did, found)
        problems.push(`blob ${blob.cid} is damaged and was left out: its bytes are those of ${found}`)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      problems.push(`blob ${blob.cid} was left out: its file is missing; path=${blob.path}`)
    }
  }
  return copied
}

function blobChanges(did: Did, { createdAt, takedownRef, ...blob }: ReferenceBlob): RepoServerChange[] {
  const { cid, mimeType, size } = blob
  const upload = {
    type: 'upload',
    did,
    blob: { cid, mimeType, size },
    now: createdAt,
    maxBytes: Infinity,
  } as const
  return takedownRef === null
    ? [upload]
    : [upload, { type: 'takedown', did, subject: { cid }, ref: takedownRef }]
}

function accountChanges(parts: AccountParts, actor: ReferenceActor, now: number): AccountChange[] {
  const { account, tokens, appPasswords } = parts
  const { did } = account
  const { handle, email, createdAt, deactivatedAt, emailConfirmedAt, takedownRef, invitesDisabled } = account
  const kept = actor.preferences().filter((preference) => preference['$type'] !== COMPUTED)
  const deleteAfter = account.deleteAfter === null ? null : atLeast(account.deleteAfter, now + HOLD_MS)
  const preferences = JSON.stringify(kept)
  const passwordHash = account.passwordHash ?? ''
  const { signingKey } = actor
  return [
    {
      type: 'createAccount',
      account: { did, handle, email, passwordHash, signingKey, createdAt, deactivatedAt },
    },
    {
      type: 'updateAccount',
      did,
      set: { emailConfirmedAt, takedownRef, invitesDisabled, deleteAfter, preferences },
    },
    ...tokens.map((token) => ({ type: 'keepSession', session: { ...token, did } }) as const),
    // As many as there are.
    ...appPasswords.map(
      (item) => ({ type: 'createAppPassword', ...item, did, max: appPasswords.length }) as const,
    ),
  ]
}

const atLeast = (time: string, ms: number): string => {
  const iso = new Date(ms).toISOString()
  return time > iso ? time : iso
}
