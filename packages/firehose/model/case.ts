// What named sequences are written in.

import type { Action, Size } from './actions.ts'

/** A named sequence. `sequence`: its number, C1 to C21; without one, it was found by the checker itself. */
export type ModelCase = {
  readonly name: string
  readonly sequence?: `C${number}`
  readonly about: string
  readonly size: Partial<Size>
  readonly actions: readonly Action[]
  /** A seed at which it showed, where the times of answers matter: played besides the usual ones. */
  readonly seed?: number
}

/** The first account writes one of its records. */
export const write = (record: number, damage?: 'too-big' | 'malformed' | 'dropped'): Action => ({
  do: 'write',
  account: 0,
  record,
  ...(damage === undefined ? {} : { damage }),
})

/** Nothing happens for so long. */
export const wait = (ms: number): Action => ({ do: 'wait', ms })

/** A relay says a status of the first account that its host never said. */
export const lie = (word: string): Action => ({ do: 'lie', account: 0, relay: 0, status: word })

/** The status of the first account changes. */
export const status = (word: string): Action => ({ do: 'status', account: 0, status: word })

/** The first account writes something else than a small record. */
export const content = (record: number, kind: 'list' | 'large'): Action => ({
  do: 'write',
  account: 0,
  record,
  content: kind,
})

/** The key of the first account changes. */
export const rotate = (announced: boolean): Action => ({ do: 'rotate', account: 0, announced })
