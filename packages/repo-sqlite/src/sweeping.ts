import type { Database } from '@avocet/sqlite'

import { blockIds } from './block-ids.ts'
import type { BlockTable } from './block-table.ts'

/** Deletes what nobody sees any more, beside everything else and a bounded number of blocks in each transaction. */
export interface Sweeping {
  /** The blocks of a repository without a name. While a snapshot reads them they stay: closing it sweeps. */
  sweep(repo: number): void
  /** The blocks without references of a repository. */
  sweepDead(repo: number): void
  /** Young blocks that have become many. */
  settle(repo: number): void
  /** What an earlier process could not sweep. */
  resume(): void
  /** Resolves when nothing is left to do. */
  done(this: void): Promise<void>
}

/** Repositories by what their open snapshots mean for them. */
export interface Pinned {
  /** How many snapshots are open per repository. */
  readonly pins: ReadonlyMap<number, number>
  /** Repositories where blocks without references stay because of one. */
  readonly kept: Set<number>
  /** Those that could not be swept for it. */
  readonly unswept: Set<number>
}

/** Rows of one transaction that lie side by side, and the bytes in them. */
const ROWS = 1000
const BYTES = 2 * 1024 * 1024
/** Blocks without references of one transaction: where they are is a page each. */
const DEAD = 100

/** Sweeps `db`. */
export function createSweeping(db: Database, table: BlockTable, { pins, kept, unswept }: Pinned): Sweeping {
  const running = new Set<Promise<void>>()
  /** What fails, or a closed database cuts short, the next open does. */
  const inBackground = (work: Promise<void>): void => {
    const done = work.catch(() => {}).finally(() => running.delete(done))
    running.add(done)
  }

  /** Each deletes some rows; whether there may be more. */
  const sweepBlocks = (repo: number): boolean => {
    const { first, end } = blockIds(repo)
    const rows = db
      .prepare(
        'SELECT id, length(bytes) AS size FROM repo_block WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
      )
      .all(first, end, ROWS)
    let size = 0
    const last = rows.find((row) => (size += row['size'] as number) >= BYTES) ?? rows.at(-1)
    if (last === undefined) return false
    db.prepare('DELETE FROM repo_block WHERE id >= ? AND id <= ?').run(first, last['id']!)
    return true
  }
  const sweepPlaces = (repo: number): boolean => {
    const row = db
      .prepare('SELECT digest FROM repo_block_place WHERE repo = ? ORDER BY digest LIMIT 1 OFFSET ?')
      .get(repo, ROWS)
    if (row === undefined) db.prepare('DELETE FROM repo_block_place WHERE repo = ?').run(repo)
    else db.prepare('DELETE FROM repo_block_place WHERE repo = ? AND digest < ?').run(repo, row['digest']!)
    return row !== undefined
  }
  const slice = (repo: number): boolean => sweepBlocks(repo) || sweepPlaces(repo)

  const deadSlice = (repo: number): boolean => {
    if (pins.has(repo)) return true
    const rows = db
      .prepare('SELECT id, digest FROM repo_block WHERE repo = ? AND refs <= 0 LIMIT ?')
      .all(repo, DEAD)
    for (const { id, digest } of rows) table.remove(repo, id as number, digest as Uint8Array)
    return rows.length === DEAD
  }

  const sweep = async (repo: number): Promise<void> => {
    // Without a name it is found by nobody any more: who does not read it now will not.
    while (!pins.has(repo)) {
      if (await db.write(() => slice(repo))) continue
      await db.write(() => {
        db.prepare('DELETE FROM repo WHERE id = ? AND did IS NULL').run(repo)
        table.forget(repo)
      })
      return
    }
    unswept.add(repo)
  }

  const sweepDead = async (repo: number): Promise<void> => {
    while (!pins.has(repo)) if (!(await db.write(() => deadSlice(repo)))) return
    kept.add(repo)
  }

  const settling = new Set<number>()
  const settle = async (repo: number): Promise<void> => {
    while (await db.write(() => table.settle(repo)));
  }

  return {
    sweep: (repo) => inBackground(sweep(repo)),
    sweepDead: (repo) => inBackground(sweepDead(repo)),
    settle(repo) {
      if (settling.has(repo)) return
      settling.add(repo)
      inBackground(settle(repo).finally(() => settling.delete(repo)))
    },
    resume() {
      const nameless = db.prepare('SELECT id FROM repo WHERE did IS NULL').all()
      for (const { id } of nameless) inBackground(sweep(Number(id)))
      const dead = db.prepare('SELECT DISTINCT repo FROM repo_block WHERE refs <= 0').all()
      for (const { repo } of dead) inBackground(sweepDead(Number(repo)))
    },
    async done() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}
