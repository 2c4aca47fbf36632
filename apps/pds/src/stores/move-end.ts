import type { MovedTable } from './moved-tables.ts'

/** A value of a row, the same on both sides. @see ColumnType */
export type MovedValue = string | number | Uint8Array | null

/** A row: its values in the order of the columns of its table. */
export type MovedRow = readonly MovedValue[]

/** After which row reading goes on: values that name it, bytes as hexadecimal digits. It can be kept as JSON. */
export type MovedPlace = readonly (string | number)[]

/** Some rows, bounded in number and bytes. */
export interface MovedPage {
  readonly rows: readonly MovedRow[]
  /** Where the last of them is. */
  readonly place: MovedPlace
}

/** Numbers that were given out, also those of rows that are gone since: none of them may be given again. */
export interface MovedCounters {
  /** Of events. */
  readonly newest: number
  /** Events below are not in the log any more. */
  readonly oldest: number
  /** Of entries of the audit log. */
  readonly audit: number
}

/** A database at one of the two ends of a move. No server works on it, nor starts on it, until it is disposed of. */
export interface MoveEnd extends AsyncDisposable {
  /** As an operator knows it, without what is secret. */
  readonly name: string
  count(table: MovedTable): Promise<number>
  /** Bytes on the disk, indexes included. */
  bytes(): Promise<number>
  /** Rows in the order in which this side keeps them, those after a place of it. */
  pages(table: MovedTable, after: MovedPlace | null): AsyncIterable<MovedPage>
  /** The rows with the keys of these ones, in their order. Absent where such rows cannot be found fast. */
  readonly find?: (table: MovedTable, rows: readonly MovedRow[]) => Promise<readonly (MovedRow | undefined)[]>
  counters(): Promise<MovedCounters>
  /** Tables that are no part of this server, and stay. */
  foreignTables(): Promise<readonly string[]>
}

/** What is moved. It is only read. */
export interface MoveSource extends MoveEnd {
  /** Another one after whatever was written to it. */
  fingerprint(): Promise<string>
}

/** What a target that is not finished remembers. Until it is, no server starts on it. */
export interface MoveMark {
  /** The fingerprint of its source, and the tables of the program that began. */
  readonly source: string
  /** The table that is being copied, and where in the source: those before it in the list are whole. */
  readonly table: string | null
  readonly place: MovedPlace | null
  /** All rows are there; what is left is to compare them. */
  readonly copied: boolean
}

/** Where it is moved to. */
export interface MoveTarget extends MoveEnd {
  /** The versions of its tables: what a program of others brought is not gone on with. */
  readonly schema: string
  /** Null for one where no move has begun. */
  mark(): Promise<MoveMark | null>
  /** What is in it that no move has brought; null when it is empty. */
  occupied(): Promise<string | null>
  /** Free bytes on its disk; null where that cannot be known. */
  free(): Promise<number | null>
  /** Makes what has to be there before the first row, and the mark. */
  begin(mark: MoveMark): Promise<void>
  /** Adds rows and puts the mark in the place of the one before, in one transaction. */
  write(table: MovedTable, rows: readonly MovedRow[], mark: MoveMark): Promise<void>
  /** After the last row: counters, and what is made of the rows. */
  settle(counters: MovedCounters, mark: MoveMark): Promise<void>
  /** What is wrong with it by itself. */
  faults(): Promise<readonly string[]>
  /** Makes it one that servers start on, durably. Nothing more can be asked of it then. */
  finish(): Promise<void>
  /** Removes what a move that is not finished has brought. */
  clear(): Promise<void>
}

/** The most rows, and bytes of values, of one page. A single row may be larger. */
export const PAGE_ROWS = 1000
export const PAGE_BYTES: number = 4 * 1024 * 1024

/** Bytes that a row takes in memory, about. */
export function rowBytes(row: MovedRow): number {
  let bytes = 0
  for (const value of row) {
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length
  }
  return bytes
}
