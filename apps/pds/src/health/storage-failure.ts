import { DatabaseAway } from '../stores/postgres/away.ts'

// https://www.sqlite.org/rescode.html: the low byte of a result code says its kind.
const SQLITE: ReadonlyMap<number, string> = new Map([
  [8, 'the database is read-only'],
  [10, 'the disk refuses to read or write the database'],
  [11, 'pages of the database are damaged'],
  [13, 'the disk is full'],
  [14, 'the database cannot be opened'],
  [26, 'the file is not a database'],
])

const SYSTEM: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EROFS', 'the disk is read-only'],
  ['EIO', 'the disk refuses to read or write'],
])

/** A failure of the disk or the database below this server. */
export interface StorageFailure {
  /** For the operator: what failed, and SQLite's or the system's own words. */
  readonly reason: string
  /** It stays until the server is started again: what the disk has is unknown, or damaged. */
  readonly lasting: boolean
}

/** What an error says of the disk or the database, looked for along its causes; null when it is of another kind. */
export function storageFailure(error: unknown): StorageFailure | null {
  for (let [current, depth] = [error, 0]; current instanceof Error && depth < 6; depth++) {
    if (current instanceof DatabaseAway) return { reason: current.message, lasting: false }
    const { code, errcode, message } = current as { code?: unknown; errcode?: unknown; message: string }
    if (code === 'sync-failed') {
      const cause = current.cause instanceof Error ? `: ${current.cause.message}` : ''
      return { reason: `a sync of the disk failed, restart the server: ${message}${cause}`, lasting: true }
    }
    if (code === 'log-corrupt') return { reason: message, lasting: true }
    const kind = typeof errcode === 'number' ? errcode & 0xff : 0
    const words = SQLITE.get(kind) ?? (typeof code === 'string' ? SYSTEM.get(code) : undefined)
    if (words !== undefined) return { reason: `${words}: ${message}`, lasting: kind === 11 || kind === 26 }
    current = current.cause
  }
  return null
}
