/** What a parameter of a statement may be. */
export type SqlValue = string | number | boolean | Uint8Array | null

/** A row of a result, by the name of the column. */
export type SqlRow = Readonly<Record<string, unknown>>

/** One statement for both databases, in the form that each of them takes. */
export interface Statement {
  readonly postgres: string
  readonly sqlite: string
}

/** @param text SQL that both databases read alike, with parameters `$1`, `$2`, … */
export function statement(text: string): Statement {
  return { postgres: text, sqlite: text.replaceAll(/\$(\d+)/g, '?$1') }
}
