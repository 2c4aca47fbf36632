import type { Database } from '@avocet/sqlite'

/** What time it was when the clock of this machine was believed last. It outlives the process. */
export interface BelievedClock {
  /** Ms since 1970; null if it never was. */
  last(): number | null
  believe(now: number): Promise<void>
}

/** The believed clock in `db`, which must carry `OPERATION_MIGRATIONS`. */
export function createBelievedClock(db: Database): BelievedClock {
  return {
    last: () => {
      const row = db.prepare('SELECT at FROM believed_clock WHERE id = 1').get()
      return row === undefined ? null : (row['at'] as number)
    },
    believe: (now) =>
      db.write(() => {
        db.prepare(
          'INSERT INTO believed_clock (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at',
        ).run(now)
      }),
  }
}
