// Tap's HTTP calls, and ours about groups beside them. https://github.com/bluesky-social/indigo/tree/main/cmd/tap

import type { ChoiceResult } from '../admin/choices.ts'
import { readBounded } from '@avocet/data'
import { isDid, type Did } from '@avocet/syntax'
import type { TapRepoInfo, TapStats } from '@avocet/tap'
import { repoInfoJson } from '@avocet/tap/wire'
import type { Group, GroupStats } from '../delivery/group-types.ts'
import type { Groups } from '../delivery/groups.ts'
import { DEFAULT_GROUP, groupStatsOf } from './channel.ts'
import { type CheckCaller, strangerSays } from './password.ts'

/** What the calls are about. */
export type TapParts = {
  readonly groups: Groups
  readonly check: CheckCaller
  /** Adds and removes repos while the indexer runs. */
  readonly repos: TapRepos
  /** What is known of a repo; null: it is not here, or nothing of it is. */
  info(did: Did, signal: AbortSignal): Promise<TapRepoInfo | null>
  /** A DID document; null: there is none. Undefined: it could not be looked up now. */
  resolve(did: Did, signal: AbortSignal): Promise<object | null | undefined>
  stats(): Omit<TapStats, 'outboxBuffer'>
  /** A webhook's group, by the name of the webhook. */
  webhook(name: string): Group | null
  /** All groups, and webhooks. */
  consumers(): readonly GroupStats[]
}

/** Repos that come and go. */
export type TapRepos = {
  add(dids: readonly Did[]): Promise<ChoiceResult>
  remove(dids: readonly Did[]): Promise<ChoiceResult>
}

const MAX_BODY = 1024 * 1024
const PAGE = 100
/** What the name of a webhook's group begins with. */
const WEBHOOK = 'webhook/'
const PREFIXES = ['/repos/', '/info/', '/resolve/', '/stats/', '/groups/']

/** Answers Tap's calls; null for other paths. */
export function createTapRoutes(
  parts: TapParts,
): (request: Request, caller: { readonly address: string | null }) => Promise<Response> | Response | null {
  const { check, groups } = parts
  return (request, caller) => {
    const url = new URL(request.url)
    const { pathname: path } = url
    if (path !== '/health' && path !== '/channel' && !PREFIXES.some((prefix) => path.startsWith(prefix)))
      return null
    const stranger = check((name) => request.headers.get(name), caller.address)
    const isPost = request.method === 'POST'
    // A page may ask, and change nothing.
    if (stranger !== null && (stranger.why !== 'page' || isPost)) {
      const said = strangerSays(stranger)
      const headers: Record<string, string> =
        said.status === 401 ? { 'www-authenticate': 'Basic realm="tap"' } : {}
      if (stranger.why === 'wait') headers['retry-after'] = String(stranger.wait)
      return text(said.status, said.text, headers)
    }
    if (isPost) return post(path, request)
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'GET or POST')
    return get(path, url.searchParams, request.signal)
  }

  function groupOf(name: string): Group | null {
    return name.startsWith(WEBHOOK) ? parts.webhook(name.slice(WEBHOOK.length)) : groups.get(name)
  }

  function get(path: string, query: URLSearchParams, signal: AbortSignal): Promise<Response> | Response {
    if (path === '/health') return json({ status: 'ok' })
    if (path === '/channel') return text(426, 'this is a WebSocket', { upgrade: 'websocket' })
    if (path.startsWith('/info/')) return info(path.slice('/info/'.length), signal)
    if (path.startsWith('/resolve/')) return resolve(path.slice('/resolve/'.length), signal)
    if (path === '/groups/list') return json(groupStatsOf(parts.consumers()))
    const group = groupOf(query.get('group') ?? DEFAULT_GROUP)
    if (path === '/groups/dead-letters') return deadLetters(group, query.get('cursor'))
    const { repoCount, recordCount, resyncBuffer, cursors } = parts.stats()
    switch (path) {
      case '/stats/repo-count':
        return json({ repo_count: repoCount })
      case '/stats/record-count':
        return json({ record_count: recordCount })
      case '/stats/outbox-buffer': {
        const stats = group?.stats()
        return json({ outbox_buffer: stats === undefined ? 0 : stats.unacked + stats.behind })
      }
      case '/stats/resync-buffer':
        return json({ resync_buffer: resyncBuffer })
      case '/stats/cursors': {
        const { firehose, listRepos } = cursors
        return json({
          ...(firehose === null ? {} : { firehose }),
          ...(listRepos === null ? {} : { list_repos: listRepos }),
        })
      }
      default:
        return text(404, 'not found')
    }
  }

  async function info(segment: string, signal: AbortSignal): Promise<Response> {
    const did = didOf(segment)
    if (did === null) return text(400, 'not a DID')
    const found = await parts.info(did, signal)
    return found === null ? text(404, 'repo not found') : json(repoInfoJson(found))
  }

  async function resolve(segment: string, signal: AbortSignal): Promise<Response> {
    const did = didOf(segment)
    if (did === null) return text(400, 'not a DID')
    const document = await parts.resolve(did, signal)
    if (document === undefined) return text(500, 'the document cannot be looked up now')
    return document === null ? text(404, 'DID not found') : json(document)
  }

  function deadLetters(group: Group | null, cursor: string | null): Response {
    if (group === null) return text(404, 'group not found')
    const before = cursor === null ? Number.MAX_SAFE_INTEGER : Number(cursor)
    if (!Number.isSafeInteger(before)) return text(400, 'invalid cursor')
    const letters = group.undelivered(before, PAGE)
    const last = letters.length === PAGE ? letters.at(-1) : undefined
    return json({ deadLetters: letters, ...(last === undefined ? {} : { cursor: String(last.id) }) })
  }

  async function post(path: string, request: Request): Promise<Response> {
    const body = await readBody(request)
    if (body === null) return text(413, `at most ${MAX_BODY} bytes`)
    if (path === '/repos/add' || path === '/repos/remove') {
      const { dids } = body
      if (!Array.isArray(dids) || !dids.every((did) => isDid(did)))
        return text(400, 'a list of DIDs is missing; field=dids')
      if (dids.length === 0) return text(200, '')
      const result = await parts.repos[path === '/repos/add' ? 'add' : 'remove'](dids)
      return result.ok ? text(200, '') : text(400, result.error.message)
    }
    const { group: name = DEFAULT_GROUP, ids } = body
    const group = typeof name === 'string' ? groupOf(name) : null
    if (group === null) return text(404, 'not found')
    if (path === '/groups/remove')
      return (await groups.remove(String(name))) ? text(200, '') : text(409, 'somebody is at this group')
    if (path === '/groups/snapshot') {
      group.beginSnapshot()
      return text(200, '')
    }
    if (path !== '/groups/retry' && path !== '/groups/dismiss') return text(404, 'not found')
    if (!Array.isArray(ids) || ids.length > PAGE || !ids.every((id) => Number.isSafeInteger(id)))
      return text(400, `a list of numbers is missing, at most ${PAGE}; field=ids`)
    const count = await group[path === '/groups/retry' ? 'retry' : 'dismiss'](ids as number[])
    return json({ count })
  }
}

/** The members of a body in JSON; none of what is no object. Null: it is too large. */
async function readBody(request: Request): Promise<Record<string, unknown> | null> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) return null
  const bytes = await readBounded(request.body, MAX_BODY)
  if (bytes === null) return null
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Clients send a DID as it is, or with its colons percent-encoded. */
function didOf(segment: string): Did | null {
  try {
    const did = decodeURIComponent(segment)
    return isDid(did) ? did : null
  } catch {
    return null
  }
}

function json(value: object): Response {
  return new Response(JSON.stringify(value), {
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  })
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  const type = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }
  return new Response(body === '' ? null : body, { status, headers: { ...type, ...headers } })
}
