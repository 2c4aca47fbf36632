import { type CID, cidFromDigest, CidMap } from '@avocet/data'
import type { CommitData } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'

import { blockIds, idAfter } from './block-ids.ts'
import { digestOf } from './rows.ts'
import { createYoungBlocks } from './young-blocks.ts'

/** The rows of blocks, and where they are by digest. Methods that write run in the caller's transaction. */
export interface BlockTable {
  /** The bytes of a block that is newer than a revision ('' for any). */
  read(repo: number, cid: CID, since: string): Uint8Array | undefined
  /**
   * Counts references; a block that is not there yet is added, one without any goes, unless all are to be kept. Whether there
   * are so many young blocks that some should be settled.
   */
  apply(repo: number, commit: CommitData, keep: boolean): boolean
  /** Removes a block. */
  remove(repo: number, id: number, digest: Uint8Array): void
  /** Puts the oldest of many young blocks into the index; whether there are more. */
  settle(repo: number): boolean
  /** Forgets a repository that is gone. */
  forget(repo: number): void
}

/**
 * So many of the newest blocks are not in the index: of what a commit writes, most is replaced by the next, and each digest
 * would touch a page of a large index twice.
 */
const YOUNG = 64
/** Put into the index in one transaction: each touches a page. */
const SETTLED_AT_ONCE = 64

/** A new block takes the row of one that goes if that is among so many newest: rows of one commit stay on a few pages. */
const TAKEN_OVER = 12

const PLACE = '(SELECT block FROM repo_block_place WHERE repo = ?1 AND digest = ?2)'
const READ_PLACED = `SELECT bytes FROM repo_block WHERE id = ${PLACE} AND rev > ?3`
/** Places looked up by one statement: what a statement costs is several times what a look into the index does. */
const PLACES_AT_ONCE = 12
const PLACES = `SELECT ${Array.from({ length: PLACES_AT_ONCE }, (_, i) => PLACE.replace('?2', `?${i + 2}`)).join(', ')}`
const TAKE_OVER = 'UPDATE repo_block SET digest = ?, refs = ?, rev = ?, bytes = ? WHERE id = ? AND refs <= ?'

/** A young block that a commit drops, and how many of its references. */
interface Vacancy {
  readonly cid: CID
  readonly id: number
  readonly count: number
}

/** The blocks in `db`, which must carry the migrations. */
export function createBlockTable(db: Database): BlockTable {
  const youngBlocks = createYoungBlocks(db)

  /** Where blocks are by the index; those that it does not have are left out. */
  const findPlaces = (repo: number, cids: readonly CID[]): CidMap<number> => {
    const places = new CidMap<number>()
    const find = db.prepare(PLACES)
    find.setReturnArrays(true)
    for (let from = 0; from < cids.length; from += PLACES_AT_ONCE) {
      const digests = Array.from({ length: PLACES_AT_ONCE }, (_, i) =>
        from + i < cids.length ? digestOf(cids[from + i]!) : null,
      )
      const found: unknown = find.get(repo, ...digests)
      for (const [i, block] of (found as readonly (number | null)[]).entries()) {
        if (block !== null) places.set(cids[from + i]!, block)
      }
    }
    return places
  }

  const unplace = (repo: number, digest: Uint8Array): void => {
    db.prepare('DELETE FROM repo_block_place WHERE repo = ? AND digest = ?').run(repo, digest)
  }

  return {
    read: (repo, cid, since) => {
      const young = youngBlocks.known(repo)
      const id = young?.ids.get(cid)
      if (id !== undefined) {
        const row = db.prepare('SELECT bytes FROM repo_block WHERE id = ? AND rev > ?').get(id, since)
        return row?.['bytes'] as Uint8Array | undefined
      }
      const digest = digestOf(cid)
      const placed = db.prepare(READ_PLACED).get(repo, digest, since)
      if (placed !== undefined || young !== undefined) return placed?.['bytes'] as Uint8Array | undefined
      const { first, end } = blockIds(repo)
      const row = db
        .prepare(
          `SELECT bytes FROM repo_block WHERE digest = ? AND rev > ? AND id < ?
           AND id >= max(?, (SELECT placed FROM repo WHERE id = ?))`,
        )
        .get(digest, since, end, first, repo)
      return row?.['bytes'] as Uint8Array | undefined
    },
    apply: (repo, { references, newBlocks, rev }, keep) => {
      const ids = blockIds(repo)
      const young = youngBlocks.of(repo)
      const places = findPlaces(
        repo,
        [...references.keys()].filter((cid) => young.ids.get(cid) === undefined),
      )
      const lowest = young.last - TAKEN_OVER
      const vacancies: Vacancy[] = []
      const unrefer = (id: number, count: number): void => {
        db.prepare('UPDATE repo_block SET refs = refs - ? WHERE id = ?').run(count, id)
      }
      /** Puts a new block into the row of one that goes: false where others refer to that one, and it stays. */
      const takeOver = ({ cid, id, count }: Vacancy, by: CID, refs: number): boolean => {
        const bytes = newBlocks.get(by)!
        if (db.prepare(TAKE_OVER).run(digestOf(by), refs, rev, bytes, id, count).changes === 0) {
          unrefer(id, count)
          return false
        }
        young.ids.delete(cid)
        young.ids.set(by, id)
        return true
      }
      const add = (cid: CID, count: number): void => {
        const known = young.ids.get(cid) ?? places.get(cid)
        if (known !== undefined) {
          db.prepare(
            'UPDATE repo_block SET refs = refs + ?, rev = CASE WHEN refs <= 0 THEN ? ELSE rev END WHERE id = ?',
          ).run(count, rev, known)
          return
        }
        for (let free = vacancies.shift(); free !== undefined; free = vacancies.shift()) {
          if (takeOver(free, cid, count)) return
        }
        young.last = idAfter(young.last, ids)
        young.ids.set(cid, young.last)
        db.prepare(
          'INSERT INTO repo_block (id, repo, digest, refs, rev, bytes) VALUES (?, ?, ?, ?, ?, ?)',
        ).run(young.last, repo, digestOf(cid), count, rev, newBlocks.get(cid)!)
      }
      const remove = (cid: CID, id: number, count: number): void => {
        const { changes } = db.prepare('DELETE FROM repo_block WHERE id = ? AND refs <= ?').run(id, count)
        if (changes === 0) return unrefer(id, count)
        if (!young.ids.delete(cid)) unplace(repo, digestOf(cid))
      }
      for (const [cid, change] of references) {
        if (change >= 0) continue
        const recent = young.ids.get(cid)
        const id = recent ?? places.get(cid)
        if (id === undefined) continue
        if (keep) unrefer(id, -change)
        else if (recent !== undefined && recent > lowest) vacancies.push({ cid, id, count: -change })
        else remove(cid, id, -change)
      }
      for (const [cid, change] of references) if (change > 0) add(cid, change)
      for (const { cid, id, count } of vacancies) remove(cid, id, count)
      return young.ids.size >= YOUNG + SETTLED_AT_ONCE
    },
    remove: (repo, id, digest) => {
      db.prepare('DELETE FROM repo_block WHERE id = ?').run(id)
      unplace(repo, digest)
      youngBlocks.known(repo)?.ids.delete(cidFromDigest('dag-cbor', digest))
    },
    settle: (repo) => {
      const young = youngBlocks.of(repo)
      if (young.ids.size < YOUNG + SETTLED_AT_ONCE) return false
      // The oldest: what they are part of has lasted longest. A few of their rows were taken over by newer blocks again and again.
      const oldest = db
        .prepare('SELECT id, digest FROM repo_block WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?')
        .all(young.placed, young.last, SETTLED_AT_ONCE)
      for (const row of oldest) {
        const digest = row['digest'] as Uint8Array
        db.prepare('INSERT INTO repo_block_place (repo, digest, block) VALUES (?, ?, ?)').run(
          repo,
          digest,
          row['id']!,
        )
        young.ids.delete(cidFromDigest('dag-cbor', digest))
      }
      young.placed = (oldest.at(-1)!['id'] as number) + 1
      db.prepare('UPDATE repo SET placed = ? WHERE id = ?').run(young.placed, repo)
      return true
    },
    forget: (repo) => youngBlocks.forget(repo),
  }
}
