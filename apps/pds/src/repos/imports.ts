import { decode } from '@avocet/cbor'
import { CarError } from '@avocet/car'
import { findBlobs, formatCid, type DataObject } from '@avocet/data'
import { importRepo, RepoError, type RepoEntry, type RepoStore } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Did, TidClock } from '@avocet/syntax'

import type { AccountStore } from '../accounts/account-store.ts'
import type { BlobIndex } from '../blobs/blob-index.ts'
import { PdsError } from '../errors.ts'
import { recordLinks } from './links.ts'
import type { KeyedLock } from './locks.ts'
import type { RecordIndex } from './record-index.ts'
import { revAfter, revAfterArchive } from './revs.ts'
import type { Signers } from './signers.ts'

/** Taking over repositories from elsewhere. */
export interface RepoImports {
  /**
   * Replaces the repository of a deactivated account by the one in a CAR: every hash and the shape of the tree are
   * checked (the old key's signature is not, the new key signs the same tree), in bounded memory; at once or not at all.
   * @throws PdsError `invalid-request`, RepoError
   */
  importCar(did: Did, car: ReadableStream<Uint8Array>): Promise<void>
  /** Removes what interrupted imports left. */
  clean(): Promise<void>
}

/** What imports compose. */
export interface ImportParts {
  readonly db: Database
  readonly accounts: AccountStore
  readonly repos: RepoStore<Database>
  readonly records: RecordIndex
  readonly blobs: BlobIndex
  readonly signers: Signers
  readonly locks: KeyedLock
  readonly tids: TidClock
}

/** Imports into the stores of this server. */
export function createRepoImports(parts: ImportParts): RepoImports {
  const { db, accounts, repos, records, blobs, signers, locks, tids } = parts

  /** Rows of an import in progress stand under a name that is not a DID, until they take the place of the old ones. */
  const stagedAs = (did: Did): Did => `import:${did}` as unknown as Did

  const drop = (owner: Did): void => {
    records.removeAll(owner)
    db.prepare('DELETE FROM record_blob WHERE did = ?').run(owner)
  }

  const stage = (did: Did, rev: string, batch: readonly RepoEntry[]): Promise<void> =>
    db.write(() => {
      const owner = stagedAs(did)
      for (const { path, cid, bytes } of batch) {
        const [collection, rkey] = path.split('/') as [string, string]
        const record = decode(bytes) as DataObject
        records.put(
          owner,
          { collection, rkey, cid: formatCid(cid), rev },
          recordLinks(collection, record),
          false,
        )
        const refs = findBlobs(record).map(({ ref }) => formatCid(ref))
        if (refs.length > 0) blobs.refer(owner, collection, rkey, rev, refs)
      }
    })

  /** Puts the staged rows in place of the account's, in the transaction that replaces its blocks. */
  const adopt = (did: Did): void => {
    drop(did)
    for (const table of ['record', 'backlink', 'record_blob']) {
      db.prepare(`UPDATE ${table} SET did = ? WHERE did = ?`).run(did, stagedAs(did))
    }
    db.prepare(
      `UPDATE blob SET permanent = EXISTS
         (SELECT 1 FROM record_blob r WHERE r.did = blob.did AND r.cid = blob.cid) WHERE did = ?`,
    ).run(did)
  }

  const importCar = async (did: Did, car: ReadableStream<Uint8Array>): Promise<void> => {
    if (accounts.get(did)?.deactivatedAt === null) {
      throw new PdsError('invalid-request', 'A repository can only be imported into a deactivated account')
    }
    const head = await repos.getHead(did)
    let rev = ''
    await db.write(() => drop(stagedAs(did)))
    try {
      await importRepo({
        did,
        store: repos,
        source: car,
        signer: signers.get(did),
        unsafeSkipSignature: true,
        rev: (archived) =>
          (rev =
            head === null || head.rev < archived
              ? revAfterArchive(tids, archived)
              : revAfter(tids, did, head.rev)),
        onRecords: (batch) => stage(did, rev, batch),
        alongside: () => adopt(did),
      })
    } catch (error) {
      await db.write(() => drop(stagedAs(did)))
      const faulty = error instanceof CarError || (error instanceof RepoError && error.code !== 'head-moved')
      throw faulty ? new PdsError('invalid-request', error.message, { cause: error }) : error
    }
  }

  return {
    importCar: (did, car) => locks.run(did, () => importCar(did, car)),
    clean: () =>
      db.write(() => {
        for (const table of ['record', 'backlink', 'record_blob']) {
          db.prepare(`DELETE FROM ${table} WHERE did >= 'import:' AND did < 'import;'`).run()
        }
      }),
  }
}
