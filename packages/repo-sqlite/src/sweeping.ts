import type { Database } from '@avocet/sqlite'

/** Deletes what nobody sees any more, beside everything else and a bounded number of blocks in each transaction. */
export interface Sweeping {
  /** The blocks of a repository without a name. While a snapshot reads them they stay: closing it sweeps. */
  sweep(repo: number): void
  /** The blocks without references of a repository. */
  sweepDead(repo: number): void
  /** What an earlier process could not sweep. */
  resume(): void
  /** Resolves when nothing is left to do. */
  done(this: void): Promise<void>
}

const sweptPerTransaction = 250

/**
 * @param pins how many snapshots are open per repository
 * @param kept repositories where blocks without references stay because of one
 * @param unswept those that could not be swept for it
 */
export function createSweeping(
  db: Database,
  pins: ReadonlyMap<number, number>,
  kept: Set<number>,
  unswept: Set<number>,
): Sweeping {
  const running = new Set<Promise<void>>()
  /** What fails, or a closed database cuts short, the next open does. */
  const inBackground = (work: Promise<void>): void => {
    const done = work.catch(() => {}).finally(() => running.delete(done))
    running.add(done)
  }

  /** Deletes some blocks; whether there may be more. */
  const slice = (repo: number, only: string): Promise<boolean> =>
    db.write(() => {
      if (pins.has(repo)) return true
      const { changes } = db
        .prepare(
          `DELETE FROM repo_block WHERE id IN (SELECT id FROM repo_block WHERE repo = ? ${only} LIMIT ${sweptPerTransaction})`,
        )
        .run(repo)
      return Number(changes) === sweptPerTransaction
    })

  const sweep = async (repo: number): Promise<void> => {
    while (!pins.has(repo)) {
      if (await slice(repo, '')) continue
      await db.write(() => db.prepare('DELETE FROM repo WHERE id = ? AND did IS NULL').run(repo))
      return
    }
    unswept.add(repo)
  }

  const sweepDead = async (repo: number): Promise<void> => {
    while (!pins.has(repo)) if (!(await slice(repo, 'AND refs <= 0'))) return
    kept.add(repo)
  }

  return {
    sweep: (repo) => inBackground(sweep(repo)),
    sweepDead: (repo) => inBackground(sweepDead(repo)),
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
