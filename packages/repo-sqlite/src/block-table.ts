import type { CID } from '@avocet/data'
import type { CommitData } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'

import { blockIds, idAfter } from './block-ids.ts'
import { digestOf } from './rows.ts'

/** The rows of blocks, and where they are by digest. Methods that write run in the caller's transaction. */
export interface BlockTable {
  /** The bytes of a block that is newer than a revision ('' for any). */
  read(repo: number, cid: CID, since: string): Uint8Array | undefined
  /** Counts references; a block that is not there yet is added. Whether the young index may have become long. */
  add(repo: number, commit: CommitData): boolean
  /** Takes references away; a block without any goes, unless it is to be kept. */
  drop(repo: number, cid: CID, references: number, keep: boolean): void
  /** Forgets where a block is. */
  unplace(repo: number, digest: Uint8Array): void
  /** Moves some of a long young index to the other one; whether there is more to move. */
  settle(repo: number): boolean
}

/**
 * Digests that commits added lately are found in an index of their own, of a few pages: of what a commit writes to a large
 * repository, most is replaced by the next, and each digest would touch a page of the large index twice.
 */
const YOUNG = 256
/** Moved in one transaction: each touches a page. */
const SETTLED_AT_ONCE = 64
/** The length of the young index is looked at once for so many new ids. */
const LOOK_EVERY = 128

const PLACE = `coalesce((SELECT block FROM repo_block_young WHERE repo = ? AND digest = ?),
  (SELECT block FROM repo_block_place WHERE repo = ? AND digest = ?))`

/** The blocks in `db`, which must carry the migrations. */
export function createBlockTable(db: Database): BlockTable {
  const find = (repo: number, digest: Uint8Array): number | null =>
    db.prepare(`SELECT ${PLACE} AS id`).get(repo, digest, repo, digest)!['id'] as number | null

  const unplace = (repo: number, digest: Uint8Array): void => {
    const { changes } = db
      .prepare('DELETE FROM repo_block_young WHERE repo = ? AND digest = ?')
      .run(repo, digest)
    if (changes !== 0) return
    db.prepare('DELETE FROM repo_block_place WHERE repo = ? AND digest = ?').run(repo, digest)
  }

  return {
    read: (repo, cid, since) => {
      const digest = digestOf(cid)
      const select = db.prepare(`SELECT bytes FROM repo_block WHERE id = ${PLACE} AND rev > ?`)
      return select.get(repo, digest, repo, digest, since)?.['bytes'] as Uint8Array | undefined
    },
    add: (repo, { references, newBlocks, rev }) => {
      const ids = blockIds(repo)
      const last = db.prepare('SELECT max(id) AS id FROM repo_block WHERE id >= ? AND id < ?')
      const before = (last.get(ids.first, ids.end)!['id'] as number | null) ?? ids.first - 1
      let id = before
      for (const [cid, change] of references) {
        if (change <= 0) continue
        const digest = digestOf(cid)
        const known = find(repo, digest)
        if (known === null) {
          id = idAfter(id, ids)
          db.prepare(
            'INSERT INTO repo_block (id, repo, digest, refs, rev, bytes) VALUES (?, ?, ?, ?, ?, ?)',
          ).run(id, repo, digest, change, rev, newBlocks.get(cid)!)
          db.prepare('INSERT INTO repo_block_young (repo, digest, block) VALUES (?, ?, ?)').run(
            repo,
            digest,
            id,
          )
        } else {
          db.prepare(
            `UPDATE repo_block SET refs = refs + ?, rev = CASE WHEN refs <= 0 THEN ? ELSE rev END WHERE id = ?`,
          ).run(change, rev, known)
        }
      }
      return Math.floor(id / LOOK_EVERY) !== Math.floor(before / LOOK_EVERY)
    },
    drop: (repo, cid, references, keep) => {
      const digest = digestOf(cid)
      const id = find(repo, digest)
      if (id === null) return
      if (!keep) {
        const { changes } = db
          .prepare('DELETE FROM repo_block WHERE id = ? AND refs <= ?')
          .run(id, references)
        if (changes !== 0) return unplace(repo, digest)
      }
      db.prepare('UPDATE repo_block SET refs = refs - ? WHERE id = ?').run(references, id)
    },
    unplace,
    settle: (repo) => {
      const beyond = db.prepare('SELECT 1 FROM repo_block_young WHERE repo = ? LIMIT 1 OFFSET ?')
      if (beyond.get(repo, YOUNG) === undefined) return false
      // The oldest: what they are part of has lasted longest.
      const oldest = db
        .prepare('SELECT digest, block FROM repo_block_young WHERE repo = ? ORDER BY block LIMIT ?')
        .all(repo, SETTLED_AT_ONCE)
      for (const { digest, block } of oldest) {
        db.prepare('INSERT INTO repo_block_place (repo, digest, block) VALUES (?, ?, ?)').run(
          repo,
          digest!,
          block!,
        )
        db.prepare('DELETE FROM repo_block_young WHERE repo = ? AND digest = ?').run(repo, digest!)
      }
      return true
    },
  }
}
