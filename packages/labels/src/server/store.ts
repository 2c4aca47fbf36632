// Where a labeler keeps its labels.
import type { DidKey } from '@avocet/crypto'
import type { SignedLabel } from '../label.ts'

/** A statement, and the key that signed it. */
export interface Statement {
  readonly label: SignedLabel
  readonly key: DidKey
}

/** A statement as it is kept. `seq` is its place in the stream. */
export interface StoredLabel extends Statement {
  readonly seq: number
}

/** What one transaction changes. */
export type LabelChange =
  /**
   * New statements, each numbered by the next seq. It takes the place of what the store has about the same source, subject, value and
   * version: that is gone from the stream and from answers. Gives the numbers.
   */
  | { readonly append: readonly Statement[] }
  /** Signatures by a new key. A statement that is gone meanwhile is left alone. Gives the numbers of the others. */
  | { readonly sign: readonly { readonly seq: number; readonly sig: Uint8Array; readonly key: DidKey }[] }
  /**
   * Lets the stream begin after what was appended before `olderThan`, and drops from that the negations, and what has expired `at`: at
   * most `limit` of them. Gives their numbers. Labels in force stay, for queries. Times are milliseconds since the epoch.
   */
  | { readonly trim: { readonly olderThan: number; readonly at: number; readonly limit: number } }

/** Which labels are asked for by their subjects. */
export interface LabelQuery {
  /** Subjects in full. */
  readonly uris: readonly string[]
  /** What subjects begin with; an empty one is every subject. */
  readonly prefixes: readonly string[]
  /** Only statements with a seq above this. */
  readonly after: number
  /** Statements at most. */
  readonly limit: number
}

/** Part of an answer. */
export interface LabelPage {
  /** By seq. */
  readonly labels: readonly StoredLabel[]
  /** Everything up to this seq was looked at, and there may be more; null at the end. */
  readonly next: number | null
}

/** `newest`: the last seq given out, 0 before the first. `oldest`: the lowest seq that the stream can still hold. */
export interface LabelBounds {
  readonly oldest: number
  readonly newest: number
}

/**
 * Keeps the labels of one labeler, and their order. Every implementation passes `test/store-conformance.ts`: numbers strictly
 * increase in the order of commits and are never given twice (not after a removal, a failure or a restart), and the stream shows
 * nothing that is not durable.
 */
export interface LabelStore {
  /** Changes everything or nothing. Resolves when it is durable. */
  write(change: LabelChange): Promise<readonly number[]>
  /** Statements of the stream with seq > `after`, oldest first, at most `count`. */
  read(after: number, count: number): readonly StoredLabel[] | Promise<readonly StoredLabel[]>
  /** Statements by their subjects. Looks at a bounded number of rows, so that a page may be short, even empty, before the end. */
  find(query: LabelQuery): LabelPage | Promise<LabelPage>
  bounds(): LabelBounds | Promise<LabelBounds>
  /** Calls `listener` when appended statements can be read. Returns the unsubscriber. */
  watch(listener: () => void): () => void
}

/** The version that a statement is about, as text; '' for all. */
export const versionOf = ({ cid }: { readonly cid?: string }): string => cid ?? ''
