// The statements that a search is answered with.

import { searchTable } from '../projections/store.ts'

/** Newest first, before a record; each page is read from where the last one ended. */
export function newestSql(search: number, isAfter: boolean): string {
  const table = searchTable(search)
  return `SELECT rowid AS record FROM ${table} WHERE ${table} MATCH ?${isAfter ? ' AND rowid < ?' : ''}
    ORDER BY rowid DESC LIMIT ?`
}

/** Best first (BM25), from a place in that order on. What the words of the last column are worth is nothing. */
export function bestSql(search: number, fields: number): string {
  const table = searchTable(search)
  const weights = [...Array.from({ length: fields }, () => 1), 0].join()
  return `SELECT rowid AS record FROM ${table} WHERE ${table} MATCH ? AND rank MATCH 'bm25(${weights})'
    ORDER BY rank LIMIT ? OFFSET ?`
}
