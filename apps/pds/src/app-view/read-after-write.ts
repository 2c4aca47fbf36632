/**
 * What an AppView does not know yet: it learns of a write from the firehose, some time after the client that wrote was
 * told that it is done. Until then the caller's own posts and profile are put into its answers here.
 */
import type { AccountRows } from '@avocet/accounts'
import type { JsonObject } from '@avocet/data'
import type { BlockReader } from '@avocet/repo'
import { isTid, parseAtUri, type Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { AskAppView } from '../proxy/ask.ts'
import { readBody } from '../proxy/bounded-body.ts'
import type { Forwarded } from '../proxy/forward.ts'
import type { RecentRows } from '../stores/rows.ts'
import { object } from './json.ts'
import { createLocalViews, type ImageUrl, type LocalViews } from './local-views.ts'
import { PATCHES } from './patches.ts'
import { createRecentReader, type RecentRecords } from './recent-records.ts'
import { addToThread, threadOf } from './threads.ts'

/**
 * An AppView's answer to `did` with what it does not know yet. Whatever goes wrong here, the answer is handed on as it
 * came.
 * @throws (from what it returns) PdsError `upstream-failed` when the answer itself breaks off
 */
export type ReadAfterWrite = (forwarded: Forwarded, did: Did, response: Response) => Promise<Response>

/** What reading after writing composes. */
export interface ReadAfterWriteParts {
  readonly rows: RecentRows
  readonly blocks: BlockReader
  readonly accounts: AccountRows
  readonly imageUrl: ImageUrl
  readonly ask: AskAppView
  /** Told why an answer was not changed, where that was not to be expected. */
  readonly onError: (error: unknown) => void
}

/** Largest answer that is taken apart, in bytes. A page of a feed has some hundred thousand. */
const MAX_PATCHED_BYTES = 2 * 1024 * 1024

const THREAD = 'app.bsky.feed.getPostThread'

/** Reading after writing over what is here. */
export function createReadAfterWrite(parts: ReadAfterWriteParts): ReadAfterWrite {
  const { rows, blocks, accounts, imageUrl, ask, onError } = parts
  const recent = createRecentReader(rows, blocks)
  const views = createLocalViews(accounts, recent, imageUrl, ask)

  const change = async (
    { nsid, request }: Forwarded,
    did: Did,
    local: RecentRecords,
    response: Response,
  ): Promise<Response> => {
    const read = await readBody(response.body!, MAX_PATCHED_BYTES).catch((cause: unknown) => {
      throw new PdsError('upstream-failed', 'Upstream service broke off its answer', { cause })
    })
    if (!read.whole) return new Response(read.stream, response)
    try {
      const body = object(JSON.parse(Buffer.from(read.bytes).toString()))
      const query = new URL(request.url).searchParams
      return patched(await PATCHES.get(nsid)!(body, local, await views(did), query), local, response.headers)
    } catch (error) {
      onError(error)
      return new Response(read.bytes, response)
    }
  }

  return async (forwarded, did, response) => {
    const rev = response.headers.get('atproto-repo-rev') ?? ''
    if (forwarded.method !== 'GET' || !PATCHES.has(forwarded.nsid) || !isTid(rev)) return response
    const type = response.headers.get('content-type') ?? 'application/json'
    if (response.body === null || !/^application\/([\w.-]+\+)?json\b/i.test(type)) return response
    let local: RecentRecords | null
    try {
      local = await recent.since(did, rev)
      if (local === null) return response
      if (!response.ok)
        return (await localThread(forwarded, await views(did), local, response, accounts, ask)) ?? response
    } catch (error) {
      onError(error)
      return response
    }
    return change(forwarded, did, local, response)
  }
}

/** The thread of a post that the AppView does not have, if it is one of those here. */
async function localThread(
  { nsid, request }: Forwarded,
  views: LocalViews,
  local: RecentRecords,
  response: Response,
  accounts: AccountRows,
  ask: AskAppView,
): Promise<Response | null> {
  if (nsid !== THREAD || response.status !== 400) return null
  const { error } = (await response.clone().json()) as { error?: unknown }
  const query = new URL(request.url).searchParams
  const uri = await ownUri(query.get('uri') ?? '', views.did, accounts)
  const found = local.posts.find((post) => post.uri === uri)
  if (error !== 'NotFound' || found === undefined) return null
  const rest = local.posts.filter((post) => post !== found)
  const thread = await addToThread(await threadOf(found, views), rest, views)
  const { reply } = found.record as { reply?: { parent?: { uri?: unknown } } }
  const parent = reply?.parent?.uri
  if (typeof parent === 'string') {
    const height = query.get('parentHeight')
    const params = { uri: parent, ...(height === null ? {} : { parentHeight: height }), depth: '0' }
    // Without its parents a thread is still better than none.
    const above = await ask(views.did, THREAD, params).catch(() => null)
    if (above?.['thread'] !== undefined) thread['parent'] = above['thread']
  }
  return patched({ thread }, local, response.headers)
}

/** The URI with the caller's DID for a handle of theirs. */
async function ownUri(text: string, did: Did, accounts: AccountRows): Promise<string | null> {
  const parsed = parseAtUri(text)
  if (!parsed.ok) return null
  const { authority, collection, rkey } = parsed.value
  const isOwn = authority === did || (await accounts.byHandle(authority))?.did === did
  return isOwn ? `at://${did}/${collection ?? ''}/${rkey ?? ''}` : null
}

/** The answer, with how far behind the AppView is: the age of the oldest record that was put in, in milliseconds. */
function patched(body: JsonObject, { profile, posts }: RecentRecords, headers: Headers): Response {
  const times = [...posts, ...(profile === null ? [] : [profile])].map(({ indexedAt }) =>
    Date.parse(indexedAt),
  )
  const changed = new Headers(headers)
  changed.set('content-type', 'application/json; charset=utf-8')
  changed.set('atproto-upstream-lag', String(Math.max(0, Date.now() - Math.min(...times))))
  return new Response(JSON.stringify(body), { headers: changed })
}
