// What Tap's HTTP calls give.
import type { JsonObject, JsonValue } from '@avocet/data'
import { isDid, type Did } from '@avocet/syntax'
import { isCount, isObject } from './json.ts'

/** States of a repo. */
export type TapRepoState = 'pending' | 'desynchronized' | 'resyncing' | 'active' | 'error' | (string & {})

/** What the server knows of a repo: `/info/:did`. */
export interface TapRepoInfo {
  readonly did: Did
  /** Null before it was resolved. */
  readonly handle: string | null
  readonly state: TapRepoState
  /** Revision that the server is at; null before the first. */
  readonly rev: string | null
  /** Why it is in the state `error`; null when it is not. */
  readonly error: string | null
  readonly retries: number
  readonly records: number
}

/** What the server has: `/stats/*`. */
export interface TapStats {
  readonly repoCount: number
  readonly recordCount: number
  /** Events not acked yet. */
  readonly outboxBuffer: number
  /** Live events that wait for the resync of their repo. */
  readonly resyncBuffer: number
  readonly cursors: TapCursors
}

/** How far the server read upstream. */
export interface TapCursors {
  readonly firehose: number | null
  readonly listRepos: string | null
}

/** Reads the answer of `/info/:did`; empty texts, which servers write for what they do not know, are null. Null for what is none. */
export function parseRepoInfo(json: JsonValue): TapRepoInfo | null {
  if (!isObject(json)) return null
  const { did, handle, state, rev, error, retries = 0, records } = json
  if (!isDid(did) || typeof state !== 'string' || !isCount(records) || !isCount(retries)) return null
  const texts = [handle, rev, error].map((text) => (typeof text === 'string' && text !== '' ? text : null))
  return { did, handle: texts[0]!, state, rev: texts[1]!, error: texts[2]!, retries, records }
}

/**
 * The answer of `/info/:did`. Some clients refuse one without a handle and a rev: a server that does not know them yet had better
 * answer 404.
 */
export function repoInfoJson(info: TapRepoInfo): JsonObject {
  const { did, handle, state, rev, error, retries, records } = info
  return { did, handle: handle ?? '', state, rev: rev ?? '', error: error ?? '', retries, records }
}

/** Reads the answer of `/stats/cursors`; null for what is none. */
export function parseCursors(json: JsonValue): TapCursors | null {
  if (!isObject(json)) return null
  const { firehose, list_repos: listRepos } = json
  return {
    firehose: isCount(firehose) ? firehose : null,
    listRepos: typeof listRepos === 'string' && listRepos !== '' ? listRepos : null,
  }
}
