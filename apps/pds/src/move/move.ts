import type { MovedPlace, MoveMark, MoveSource, MoveTarget } from '../stores/move-end.ts'
import { MOVED_TABLES, type MovedTable } from '../stores/moved-tables.ts'
import { CommandError, counted, type Print } from '../terminal.ts'
import { compareEnds } from './compare.ts'

/** Milliseconds between lines about work that takes long. */
const REPORT_MS = 5000
/** Rows of what an operator knows by name. */
const SHOWN: Readonly<Record<string, string>> = {
  account: 'account',
  refresh_token: 'session',
  record: 'record',
  repo_block: 'block',
  blob: 'row of a blob',
  event: 'event',
  audit: 'entry of the audit log',
}
const PLURALS: Readonly<Record<string, string>> = {
  'row of a blob': 'rows of blobs',
  'entry of the audit log': 'entries of the audit log',
}

/** How to move. */
export interface MoveOptions {
  /** Only says what would be moved. */
  readonly dryRun?: boolean
  /** What a move that is not finished has brought is removed first. */
  readonly restart?: boolean
  /** Looks further, once all rows are the same, at what is about to be finished. Returns what is wrong. */
  readonly further?: () => Promise<readonly string[]>
  readonly signal?: AbortSignal
  readonly print: Print
}

/**
 * Moves everything from one database to another, which is empty, or was left by a move of the same source that was cut off: that
 * goes on where it was. The source is only read. Each row is compared afterwards, and only then servers start on the target.
 * @returns whether it was moved: false for a look
 * @throws CommandError that says what to do
 */
export async function move(source: MoveSource, target: MoveTarget, options: MoveOptions): Promise<boolean> {
  const { print, dryRun = false, restart = false, signal } = options
  const total = await plan(source, target, print)
  const name = `${await source.fingerprint()} ${target.schema}`
  let mark = await target.mark()
  if (mark !== null && restart && !dryRun) {
    print('removing what the move before brought')
    await target.clear()
    mark = null
  }
  if (mark === null) {
    const occupied = await target.occupied()
    if (occupied !== null) {
      throw new CommandError(
        `the target is not empty: there are ${occupied}; target=${target.name}\n` +
          'Give an empty one: a new database (createdb --encoding=UTF8), or a new schema (--schema); nothing is overwritten',
      )
    }
  } else if (mark.source !== name && !restart) {
    throw new CommandError(
      `a move to this target has not ended, of another source, or of this one before a server ran on it again; target=${target.name}\n` +
        'To remove what it brought and begin anew: avocet-pds move --restart, with the same --to',
    )
  }
  if (dryRun) {
    print(
      `nothing was changed${mark === null ? '' : '; a move to this target has begun, and goes on'} (--dry-run)`,
    )
    return false
  }
  if (mark === null || mark.table === null) {
    mark = { source: name, table: null, place: null, copied: false }
    await target.begin(mark)
  } else print('going on where the move before was cut off')
  if (!mark.copied) mark = await copy(source, target, mark, total, options)
  await verify(source, target, total, options)
  stopIfAsked(signal)
  await target.finish()
  return true
}

type Totals = ReadonlyMap<string, number>

/** Says what there is to move. */
async function plan(source: MoveSource, target: MoveTarget, print: Print): Promise<Totals> {
  const totals = new Map<string, number>()
  for (const table of MOVED_TABLES) totals.set(table.name, await source.count(table))
  const bytes = await source.bytes()
  print(`from ${source.name}`)
  print(`to   ${target.name}`)
  const shown = Object.entries(SHOWN).map(([table, noun]) => {
    const count = totals.get(table)!
    return count === 1 ? `1 ${noun}` : `${count} ${PLURALS[noun] ?? `${noun}s`}`
  })
  print(`${shown.join(', ')}; ${mebibytes(bytes)} on the disk`)
  const free = await target.free()
  if (free !== null && free < bytes) {
    print(
      `ROOM MAY BE SHORT: ${mebibytes(free)} are free there, and about as much as the source has is needed`,
    )
  }
  const foreign = await source.foreignTables()
  if (foreign.length > 0) print(`NOT MOVED, since this server knows nothing of them: ${foreign.join(', ')}`)
  return totals
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MiB`

/** Copies what the mark says is missing. */
async function copy(
  source: MoveSource,
  target: MoveTarget,
  begun: MoveMark,
  totals: Totals,
  { print, signal }: MoveOptions,
): Promise<MoveMark> {
  let mark = begun
  const first = Math.max(
    0,
    MOVED_TABLES.findIndex(({ name }) => name === begun.table),
  )
  const tell = reporter(print, 'copied', totals)
  for (const table of MOVED_TABLES.slice(first)) {
    const after: MovedPlace | null = table.name === begun.table ? begun.place : null
    // Rows that are there already count too.
    if (after !== null) tell(table, await target.count(table))
    for await (const { rows, place } of source.pages(table, after)) {
      stopIfAsked(signal)
      mark = { ...mark, table: table.name, place }
      await target.write(table, rows, mark)
      tell(table, rows.length)
    }
  }
  mark = { ...mark, table: MOVED_TABLES.at(-1)!.name, copied: true }
  await target.settle(await source.counters(), mark)
  print(
    `copied: ${counted(
      [...totals.values()].reduce((sum, count) => sum + count, 0),
      'row',
    )}`,
  )
  return mark
}

/** @throws CommandError that names what differs */
async function verify(
  source: MoveSource,
  target: MoveTarget,
  totals: Totals,
  { print, signal, further }: MoveOptions,
): Promise<void> {
  print('comparing')
  const tell = reporter(print, 'compared', totals)
  const differences = await compareEnds(source, target, (table, rows) => {
    stopIfAsked(signal)
    tell(table, rows)
  })
  const faults = [...differences, ...(await target.faults())]
  if (faults.length === 0 && further !== undefined) faults.push(...(await further()))
  if (faults.length > 0) {
    throw new CommandError(
      `the target is not what the source is, and was not finished:\n${faults.map((fault) => `  ${fault}`).join('\n')}\n` +
        'The source is as it was. To remove what was brought and begin anew: avocet-pds move --restart, with the same --to',
    )
  }
  print('every row, block and event is the same on both sides')
}

function stopIfAsked(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new CommandError(
      'stopped; the source is as it was\nTo go on where it was, run the same command again',
    )
  }
}

/** Says now and then how far a table is. */
function reporter(print: Print, what: string, totals: Totals): (table: MovedTable, rows: number) => void {
  let said = performance.now()
  let current = ''
  let done = 0
  return ({ name }, rows) => {
    if (name !== current) [current, done] = [name, 0]
    done += rows
    if (performance.now() - said < REPORT_MS) return
    said = performance.now()
    print(`  ${name}: ${done} of ${totals.get(name)} ${what}`)
  }
}
