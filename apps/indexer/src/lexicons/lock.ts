// Lexicons from the network, as they were when they were first found: a start does not ask for them again.

import { hash } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { type LexiconDocument, parseLexicon } from '@avocet/lexicon'
import { IndexerError } from '../errors.ts'

/** A lexicon that was found. */
export type LockedLexicon = {
  /** The record that it came from, and its CID. */
  readonly uri: string
  readonly cid: string
  /** SHA-256 of the document's JSON, in hexadecimal digits. */
  readonly sha256: string
  readonly document: LexiconDocument
}

/** By NSID. */
export type LexiconLock = ReadonlyMap<string, LockedLexicon>

/** The SHA-256 of a document. */
export function documentHash(document: LexiconDocument): string {
  return hash('sha256', JSON.stringify(document), 'hex')
}

/**
 * Reads a lock file; empty where there is none.
 * @throws IndexerError `bad-config` for one that is no lock file, or whose documents are not those that were found
 */
export function readLock(file: string): LexiconLock {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw new IndexerError('bad-config', `Cannot read ${file}`, { cause })
  }
  try {
    const { version, lexicons } = JSON.parse(text) as {
      version: unknown
      lexicons: Record<string, LockedLexicon>
    }
    if (version !== 1) throw new Error('another version')
    return new Map(Object.entries(lexicons).map(([nsid, entry]) => [nsid, checked(nsid, entry)]))
  } catch (cause) {
    const what = `${file} is no lock file of lexicons (${(cause as Error).message}): delete it to ask the network`
    throw new IndexerError('bad-config', what, { cause })
  }
}

function checked(nsid: string, { uri, cid, sha256, document: json }: LockedLexicon): LockedLexicon {
  const parsed = parseLexicon(json)
  if (!parsed.ok || parsed.value.id !== nsid) throw new Error(`no lexicon; nsid=${nsid}`)
  if (documentHash(parsed.value) !== sha256) throw new Error(`changed; nsid=${nsid}`)
  return { uri, cid, sha256, document: parsed.value }
}

/** Writes a lock file, whole or not at all. */
export function writeLock(file: string, lock: LexiconLock): void {
  const lexicons = Object.fromEntries([...lock].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(`${file}.new`, `${JSON.stringify({ version: 1, lexicons }, null, 2)}\n`, { flush: true })
  renameSync(`${file}.new`, file)
}
