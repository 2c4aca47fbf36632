/** Rows by their key. Changes are noted until they are kept, so that they can be taken back. */
export interface Table<T> {
  get(key: string): T | undefined
  set(key: string, row: T): void
  delete(key: string): void
  values(): MapIterator<T>
  readonly size: number
}

/** What undoes changes of tables. */
export interface Journal {
  note(undo: () => void): void
  /** Takes back all changes since `keep`. */
  undo(): void
  keep(): void
}

/** An empty journal. */
export function createJournal(): Journal {
  let steps: (() => void)[] = []
  return {
    note: (undo) => {
      steps.push(undo)
    },
    undo: () => {
      for (const step of steps.toReversed()) step()
      steps = []
    },
    keep: () => {
      steps = []
    },
  }
}

/** An empty table. */
export function createTable<T>(journal: Journal): Table<T> {
  const rows = new Map<string, T>()
  const note = (key: string): void => {
    const before = rows.get(key)
    journal.note(() => {
      if (before === undefined) rows.delete(key)
      else rows.set(key, before)
    })
  }
  return {
    get: (key) => rows.get(key),
    set: (key, row) => {
      note(key)
      rows.set(key, row)
    },
    delete: (key) => {
      note(key)
      rows.delete(key)
    },
    values: () => rows.values(),
    get size() {
      return rows.size
    },
  }
}

/** By UTF-16 units, which is by bytes for all that is ASCII. */
export const compare = (a: string, b: string): number => Number(a > b) - Number(a < b)
