// Tap's HTTP calls.
import { readBounded, type JsonObject, type JsonValue } from '@avocet/data'
import { isDid, type Did } from '@avocet/syntax'
import { parseJson } from '@avocet/xrpc'
import { parseCursors, parseRepoInfo, type TapRepoInfo, type TapStats } from './answers.ts'
import { basicAuth } from './auth.ts'
import { TapError } from './error.ts'
import { isCount, isObject } from './json.ts'

/** Options of {@link createTap}. */
export interface TapOptions {
  /** `http://localhost:2480` */
  readonly service: string | URL
  /** The admin password, where the server has one. */
  readonly password?: string
  /** As `fetch`. */
  readonly fetch?: (url: URL, init: RequestInit) => Promise<Response>
  /** Milliseconds for a call. Default 30 000. */
  readonly timeoutMs?: number
}

/** Settings of one call. */
export interface TapCallOptions {
  readonly signal?: AbortSignal
}

/** Calls of one server. Each rejects with a {@link TapError}. */
export interface Tap {
  /** Tracks repos: their records come as events. One that is tracked already is left as it is. */
  addRepos(dids: readonly Did[], options?: TapCallOptions): Promise<void>
  /** Forgets repos. Events that wait are still sent. */
  removeRepos(dids: readonly Did[], options?: TapCallOptions): Promise<void>
  /** What the server knows of a repo; null when it is not tracked. */
  repoInfo(did: Did, options?: TapCallOptions): Promise<TapRepoInfo | null>
  /** The DID document of an account, unchecked; null when there is none. */
  resolveDid(did: Did, options?: TapCallOptions): Promise<JsonObject | null>
  stats(options?: TapCallOptions): Promise<TapStats>
  /** Whether the server says that it is well. Rejects when it does not answer. */
  health(options?: TapCallOptions): Promise<boolean>
}

const MAX_ANSWER = 1024 * 1024
/** Of one request. */
const MAX_DIDS = 1000

/** Makes the calls of a server. @throws TapError `invalid-options` for a URL that is not http or https */
export function createTap(options: TapOptions): Tap {
  const base = baseOf(options.service)
  const timeoutMs = options.timeoutMs ?? 30_000
  const fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
  const headers = {
    'content-type': 'application/json',
    ...(options.password !== undefined && { authorization: basicAuth(options.password) }),
  }

  const send = async (
    path: string,
    init: RequestInit,
    { signal }: TapCallOptions = {},
  ): Promise<{ status: number; text: string }> => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const both = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    let bytes: Uint8Array | null
    let status: number
    try {
      const url = new URL(base)
      url.pathname += path
      const response = await fetch(url, { ...init, headers, redirect: 'error', signal: both })
      status = response.status
      bytes = await readBounded(response.body, MAX_ANSWER)
    } catch (cause) {
      throw new TapError('network', `no answer; path=/${path}`, { cause })
    }
    if (bytes === null) throw new TapError('too-large', `answer too large; path=/${path} max=${MAX_ANSWER}`)
    const text = new TextDecoder().decode(bytes)
    if (status >= 200 && status < 300) return { status, text }
    if (status === 404) return { status, text }
    throw new TapError(
      'refused',
      `${text.slice(0, 300).trim() || 'refused'}; path=/${path} status=${status}`,
      { status },
    )
  }

  const get = async (path: string, call?: TapCallOptions): Promise<JsonValue | null> => {
    const { status, text } = await send(path, { method: 'GET' }, call)
    if (status === 404) return null
    const json = parseJson(text)
    if (!json.ok) throw invalidAnswer(path)
    return json.value
  }
  const count = async (name: string, call?: TapCallOptions): Promise<number> => {
    const path = `stats/${name.replace('_', '-')}`
    const json = await get(path, call)
    const value = isObject(json ?? undefined) ? (json as JsonObject)[name] : undefined
    if (!isCount(value)) throw invalidAnswer(path)
    return value
  }
  const post = async (path: string, dids: readonly Did[], call?: TapCallOptions): Promise<void> => {
    // The server does not check them, and would keep what is none for ever.
    const odd = dids.find((did) => !isDid(did))
    if (odd !== undefined)
      throw new TapError('invalid-options', `not a DID; did=${String(odd).slice(0, 100)}`)
    for (let at = 0; at < dids.length; at += MAX_DIDS) {
      const body = JSON.stringify({ dids: dids.slice(at, at + MAX_DIDS) })
      const { status } = await send(path, { method: 'POST', body }, call)
      if (status === 404) throw new TapError('refused', `not found; path=/${path} status=404`, { status })
    }
  }

  return {
    addRepos: (dids, call) => post('repos/add', dids, call),
    removeRepos: (dids, call) => post('repos/remove', dids, call),
    async repoInfo(did, call) {
      const path = `info/${segmentOf(did)}`
      const json = await get(path, call)
      if (json === null) return null
      const info = parseRepoInfo(json)
      if (info === null) throw invalidAnswer(path)
      return info
    },
    async resolveDid(did, call) {
      const path = `resolve/${segmentOf(did)}`
      const json = await get(path, call)
      if (json !== null && !isObject(json)) throw invalidAnswer(path)
      return json
    },
    async stats(call) {
      const [repoCount, recordCount, outboxBuffer, resyncBuffer, json] = await Promise.all([
        count('repo_count', call),
        count('record_count', call),
        count('outbox_buffer', call),
        count('resync_buffer', call),
        get('stats/cursors', call),
      ])
      const cursors = json === null ? null : parseCursors(json)
      if (cursors === null) throw invalidAnswer('stats/cursors')
      return { repoCount, recordCount, outboxBuffer, resyncBuffer, cursors }
    },
    async health(call) {
      const json = await get('health', call)
      return json !== null && isObject(json) && json['status'] === 'ok'
    },
  }
}

/** The URL of a server, its path with a slash at the end. @throws TapError `invalid-options` */
export function baseOf(service: string | URL): URL {
  const url = URL.parse(String(service))
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new TapError('invalid-options', `not an http URL; service=${String(service).slice(0, 200)}`)
  url.pathname = `${url.pathname.replace(/^(.*[^/])?\/*$/s, '$1')}/`
  return url
}

function checkDid(did: Did): void {
  if (!isDid(did)) throw new TapError('invalid-options', `not a DID; did=${String(did).slice(0, 100)}`)
}

/** A DID in a path: all of its characters may stand there, but a percent sign would be read. */
function segmentOf(did: Did): string {
  checkDid(did)
  return did.replaceAll('%', '%25')
}

function invalidAnswer(path: string): TapError {
  return new TapError('invalid-answer', `not what the call gives; path=/${path}`)
}
