import type { MovedRow, MovedValue, MoveEnd } from '../stores/move-end.ts'
import { MOVED_TABLES, type MovedTable } from '../stores/moved-tables.ts'

/** Differences that are named; the rest is counted by nobody. */
const MAX_NAMED = 20

/**
 * Compares every row of two databases, value by value, and the numbers that were given out.
 * @param onRows told how many rows more of a table were compared
 * @returns what differs, by table and key; never the values
 */
export async function compareEnds(
  source: MoveEnd,
  target: MoveEnd,
  onRows: (table: MovedTable, rows: number) => void,
): Promise<string[]> {
  const differences: string[] = []
  for (const table of MOVED_TABLES) {
    const found =
      table.sqliteOrder === undefined
        ? compareInOrder(source, target, table, onRows)
        : compareByKey(source, target, table, onRows)
    for await (const difference of found) {
      differences.push(difference)
      if (differences.length === MAX_NAMED) return [...differences, 'and maybe more']
    }
  }
  const [before, after] = [await source.counters(), await target.counters()]
  for (const name of ['newest', 'oldest', 'audit'] as const) {
    if (before[name] !== after[name]) {
      differences.push(`counter ${name}: ${before[name]} in the source, ${after[name]} in the target`)
    }
  }
  return differences
}

/** Both give their rows in the order of the key. */
async function* compareInOrder(
  source: MoveEnd,
  target: MoveEnd,
  table: MovedTable,
  onRows: (table: MovedTable, rows: number) => void,
): AsyncGenerator<string> {
  const [left, right] = [rowsOf(source, table), rowsOf(target, table)]
  let [one, other] = [await left.next(), await right.next()]
  let compared = 0
  while (one.done !== true || other.done !== true) {
    const order =
      one.done === true ? 1 : other.done === true ? -1 : compareKeys(table, one.value, other.value)
    if (order < 0) yield `${keyOf(table, one.value!)}: not in the target`
    else if (order > 0) yield `${keyOf(table, other.value!)}: not in the source`
    else yield* otherColumns(table, one.value!, other.value!)
    compared += 1
    if (compared % 1000 === 0) onRows(table, 1000)
    if (order <= 0) one = await left.next()
    if (order >= 0) other = await right.next()
  }
  onRows(table, compared % 1000)
  // Where a difference ended the loop early, the other one is closed too.
  await Promise.all([left.return(undefined), right.return(undefined)])
}

/** One gives its rows in an order of its own, and the other finds them: all are there, and there are no others. */
async function* compareByKey(
  source: MoveEnd,
  target: MoveEnd,
  table: MovedTable,
  onRows: (table: MovedTable, rows: number) => void,
): AsyncGenerator<string> {
  const [walked, asked] = source.find === undefined ? [source, target] : [target, source]
  const missing = asked === target ? 'not in the target' : 'not in the source'
  for await (const { rows } of walked.pages(table, null)) {
    const found = await asked.find!(table, rows)
    for (const [at, row] of rows.entries()) {
      const same = found[at]
      if (same === undefined) yield `${keyOf(table, row)}: ${missing}`
      else yield* otherColumns(table, row, same)
    }
    onRows(table, rows.length)
  }
  const [before, after] = [await source.count(table), await target.count(table)]
  if (before !== after) yield `${table.name}: ${before} rows in the source, ${after} in the target`
}

async function* rowsOf(end: MoveEnd, table: MovedTable): AsyncGenerator<MovedRow, undefined, undefined> {
  for await (const { rows } of end.pages(table, null)) yield* rows
  return undefined
}

function* otherColumns(table: MovedTable, one: MovedRow, other: MovedRow): Generator<string> {
  for (const [at, column] of Object.keys(table.columns).entries()) {
    if (!isSame(one[at]!, other[at]!)) yield `${keyOf(table, one)}: another ${column}`
  }
}

function isSame(one: MovedValue, other: MovedValue): boolean {
  if (one instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(one, other) === 0
  return one === other
}

/** Texts by their bytes, as both databases do. */
function compareKeys({ columns, key }: MovedTable, one: MovedRow, other: MovedRow): number {
  const names = Object.keys(columns)
  for (const name of key) {
    const at = names.indexOf(name)
    const [a, b] = [one[at]!, other[at]!]
    const order =
      typeof a === 'number' ? a - (b as number) : Buffer.compare(Buffer.from(a), Buffer.from(b as string))
    if (order !== 0) return order
  }
  return 0
}

/** A row as an operator finds it. */
function keyOf({ name, columns, key }: MovedTable, row: MovedRow): string {
  const names = Object.keys(columns)
  const values = key.map((column) => {
    const value = row[names.indexOf(column)]
    return `${column}=${value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value}`
  })
  return `${name} ${values.join(' ')}`
}
