// A move in a process of its own, which kills itself at a point that the test names: `<JSON of KilledMove>`.
import { openPostgresSource } from '../src/stores/postgres/move-source.ts'
import { openPostgresTarget } from '../src/stores/postgres/move-target.ts'
import { openSqliteSource } from '../src/stores/sqlite/move-source.ts'
import { openSqliteTarget } from '../src/stores/sqlite/move-target.ts'
import { resolveConfig, type PostgresPlace } from '../src/config/config.ts'
import { move } from '../src/move/move.ts'
import type { MoveTarget } from '../src/stores/move-end.ts'

/** Where, and when, a process kills itself. */
export interface KilledMove {
  readonly folder: string
  readonly place: PostgresPlace
  readonly to: 'postgres' | 'sqlite'
  readonly call: 'begin' | 'write' | 'settle' | 'faults' | 'finish'
  /** At which of these calls, from 1. */
  readonly at: number
  readonly when: 'before' | 'during' | 'after'
}

const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('not reached')
}

/** A target that ends the process. */
export function killedAt(target: MoveTarget, { call, at, when }: KilledMove, end: () => never): MoveTarget {
  let calls = 0
  const original = target[call] as (...values: unknown[]) => Promise<unknown>
  const killing = async (...values: unknown[]): Promise<unknown> => {
    calls += 1
    if (calls !== at) return original(...values)
    if (when === 'before') end()
    const running = original(...values)
    if (when === 'during') setTimeout(end, 1)
    const result = await running
    return when === 'after' ? end() : result
  }
  return { ...target, [call]: killing }
}

if (process.argv[2] !== undefined && import.meta.main) {
  const killed = JSON.parse(process.argv[2]) as KilledMove
  const { folder, place, to } = killed
  const isThere = to === 'postgres'
  await using source = isThere
    ? openSqliteSource(resolveConfig({ dataDirectory: folder }))
    : await openPostgresSource(place)
  await using target = isThere
    ? await openPostgresTarget(place, { jwtSecret: 'a', rotationKey: 'b' }, false)
    : openSqliteTarget(resolveConfig({ dataDirectory: folder }), false)
  await move(source, killedAt(target, killed, die), { print: () => {} })
}
