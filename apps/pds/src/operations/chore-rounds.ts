import { createRing } from './ring.ts'

/** A round of chores. */
export interface ChoreRound {
  /** ISO 8601. */
  readonly at: string
  readonly chores: number
  /** Whether what is old was left alone, since the clock is in doubt. */
  readonly isClockDoubted: boolean
  readonly failed: number
  /** Null while some of them run. */
  readonly seconds: number | null
}

/** The last rounds of this process. */
export interface ChoreRounds {
  /** Told that a round begins. */
  begin(chores: readonly Promise<boolean>[], isClockDoubted: boolean): void
  /** The newest first. */
  list(): readonly ChoreRound[]
}

const MAX_ROUNDS = 24

/** Rounds in memory. */
export function createChoreRounds(now: () => number = Date.now): ChoreRounds {
  const ring = createRing<{ round: ChoreRound }>(MAX_ROUNDS)
  return {
    begin: (chores, isClockDoubted) => {
      const begun = now()
      const at = new Date(begun).toISOString()
      const entry = {
        round: { at, chores: chores.length, isClockDoubted, failed: 0, seconds: null } as ChoreRound,
      }
      ring.add(entry)
      void Promise.all(chores).then((done) => {
        const failed = done.filter((isDone) => !isDone).length
        entry.round = { ...entry.round, failed, seconds: (now() - begun) / 1000 }
      })
    },
    list: () => ring.list().map(({ round }) => round),
  }
}
