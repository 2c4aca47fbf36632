// The threads that verify live events and examine their records: by the lexicons and the indexes that there are when an event is sent to
// them, whatever there was when they began.

import type { Prover } from '@avocet/firehose'
import { createWorkerPool, type WorkerPoolStats } from '@avocet/firehose/pool'
import type { Edition, Editions } from '../lexicons/editions.ts'
import type { Projections } from '../projections/store.ts'
import type { ExaminerData } from './examine.ts'

/** Threads. */
export type Threads = Prover & {
  stats(): WorkerPoolStats
  /** Ends them; what is under way rejects. */
  close(): Promise<void>
}

/** Threads that check signatures with the same library, and examine records over the same lexicons and indexes, as this one. */
export function createThreads(
  size: number,
  editions: Editions,
  projections: Pick<Projections, 'active' | 'version'> | null,
): Threads {
  const file = import.meta.url.endsWith('.ts') ? '../verification-worker.ts' : '../verification-worker.js'
  const module = new URL(file, import.meta.url).href
  const look = (): { readonly edition: Edition; readonly indexes: string } => ({
    edition: editions.now(),
    indexes: projections?.version() ?? '',
  })
  const data = (): ExaminerData => ({
    edition: editions.now().number,
    documents: editions.now().lexicons.documents,
    active: projections?.active() ?? { indexes: [], searches: [] },
  })
  let known = look()
  const pool = createWorkerPool({
    size,
    verifier: { module, name: 'createVerifier' },
    examiner: { module, name: 'createExaminer', data: data() },
  })
  return {
    prove(...event) {
      // Asked with each event, so that no change is missed.
      const now = look()
      if (now.edition !== known.edition || now.indexes !== known.indexes) {
        pool.renewExaminer(data())
        known = now
      }
      return pool.prove(...event)
    },
    proveSync: (...event) => pool.proveSync(...event),
    stats: () => pool.stats(),
    close: () => pool.close(),
  }
}
