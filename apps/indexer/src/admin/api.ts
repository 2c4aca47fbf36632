// The API of the operator: what is indexed, what is behind, what was refused, and changing it while it runs. JSON over HTTP, on a listener
// of its own.

import type { Consumer } from '@avocet/firehose'
import { isDid, type Did } from '@avocet/syntax'
import type { LexiconChoices, LexiconReload } from '../lexicons/reload.ts'
import type { IndexChange, IndexChoices, IndexKind } from '../projections/choices.ts'
import type { Reindexing } from '../index/reindex.ts'
import type { DeadLetterReader } from '../queries/dead-letters.ts'
import type { Page } from '../http/page.ts'
import type { ChoiceResult, CollectionChoices, RepoChoices } from './choices.ts'
import { type AdminConsumers, consumerRoutes } from './consumers.ts'
import { createGuesses } from '../http/guesses.ts'
import { createDoor } from './door.ts'
import type { LetterChoice, Letters } from './letters.ts'
import { type Body, type Handler, limitOf, MAX_PAGE, Refused, texts } from './requests.ts'

/** What the API works on. */
export type AdminParts = {
  readonly token: string
  /** Served on this machine alone. */
  readonly onLoopback: boolean
  readonly status: () => object
  readonly repos: RepoChoices
  readonly collections: CollectionChoices
  readonly indexes: IndexChoices
  readonly lexicons: LexiconChoices
  readonly deadLetters: Pick<DeadLetterReader, 'newest'>
  readonly letters: Letters
  readonly reindexing: Reindexing
  readonly consumer: Pick<Consumer, 'requestResync'>
  readonly isFollowed: (did: string) => boolean
  readonly consumers: AdminConsumers
  /** The operator's page: its files are no secret. */
  readonly page: Page
  /** What everybody may ask outside of XRPC, which the page shows too. */
  readonly answer: (
    request: Request,
    caller: { readonly address: string | null },
  ) => Response | Promise<Response>
}

/** Bytes of a request: ten thousand DIDs fit. */
const MAX_BODY_BYTES = 1024 * 1024
const MAX_DIDS = 1000
/** What the page shows of what everybody may ask. */
const PUBLIC: ReadonlySet<string> = new Set(['/status', '/coverage', '/failures', '/repos'])

/** Answers requests under `/admin/`, the operator's page, and with the token whatever everybody may ask. */
export function createAdmin(
  parts: AdminParts,
): (request: Request, caller: { readonly address: string | null }) => Promise<Response> {
  const { repos, collections, indexes, lexicons, letters, reindexing } = parts
  const door = createDoor(parts.token, parts.onLoopback, createGuesses({ perAddress: true, now: Date.now }))
  const routes = new Map<string, Handler>([
    ['GET /admin/status', () => parts.status()],
    ['GET /admin/collections', () => ({ collections: collections.list() })],
    ['POST /admin/collections/add', ({ body }) => done(collections.add(texts(body, 'collections')))],
    ['POST /admin/collections/remove', ({ body }) => done(collections.remove(texts(body, 'collections')))],
    ['GET /admin/indexes', () => ({ indexes: indexes.list() })],
    ['POST /admin/indexes/add', ({ body }) => done(indexes.add(kindOf(body), texts(body, 'indexes')))],
    ['POST /admin/indexes/remove', ({ body }) => done(indexes.remove(kindOf(body), texts(body, 'indexes')))],
    ['GET /admin/lexicons', () => lexicons.status()],
    ['POST /admin/lexicons/reload', () => done(lexicons.reload())],
    ['GET /admin/repos', ({ params }) => listRepos(params)],
    ['POST /admin/repos/add', ({ body }) => done(repos.add(texts(body, 'dids')))],
    ['POST /admin/repos/remove', ({ body }) => done(repos.remove(texts(body, 'dids')))],
    ['POST /admin/resync', ({ body }) => resync(texts(body, 'dids'))],
    ['GET /admin/reindex', () => ({ reindex: reindexing.status() })],
    ['POST /admin/reindex', async () => ({ reindex: await reindexing.start() })],
    ['GET /admin/dead-letters', ({ params }) => listLetters(params)],
    ['POST /admin/dead-letters/retry', ({ body }) => letters.retry(choiceOf(body))],
    [
      'POST /admin/dead-letters/dismiss',
      async ({ body }) => ({ letters: await letters.dismiss(choiceOf(body)) }),
    ],
    ...consumerRoutes(parts.consumers),
  ])

  const listRepos = (params: URLSearchParams): object => {
    const limit = limitOf(params)
    const page = repos.list({ cursor: params.get('cursor') ?? '', limit })
    const last = page.length === limit ? page.at(-1) : undefined
    return { repos: page, ...(last === undefined ? {} : { cursor: last.did }) }
  }

  const listLetters = (params: URLSearchParams): object => {
    const limit = limitOf(params)
    const cursor = params.get('cursor')
    const reason = params.get('reason')
    if (cursor !== null && !/^\d{1,15}$/.test(cursor))
      throw new Refused(400, 'InvalidRequest', 'cursor is a number')
    const before = cursor === null ? null : Number(cursor)
    const page = parts.deadLetters.newest({ limit, reason, before })
    const last = page.length === limit ? page.at(-1) : undefined
    return { letters: page, ...(last === undefined ? {} : { cursor: String(last.id) }) }
  }

  const resync = async (dids: readonly string[]): Promise<object> => {
    if (dids.length === 0 || dids.length > MAX_DIDS) {
      throw new Refused(400, 'InvalidRequest', `one to ${MAX_DIDS} DIDs at once`)
    }
    const absent = dids.find((did) => !isDid(did) || !parts.isFollowed(did))
    if (absent !== undefined) {
      throw new Refused(
        404,
        'RepoNotFound',
        `not followed: ${absent.slice(0, 100)}; add it to the repos first`,
      )
    }
    await Promise.all((dids as Did[]).map((did) => parts.consumer.requestResync(did)))
    return { count: dids.length }
  }

  return async (request, caller) => {
    const url = new URL(request.url)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const file = isRead ? parts.page(url.pathname, request) : null
    if (file !== null) return file
    const refusal = door(request, caller.address)
    if (refusal !== null) {
      const { status, error, message, retryAfter } = refusal
      return json(status, { error, message }, retryAfter)
    }
    const handler = routes.get(`${request.method} ${url.pathname}`)
    if (handler === undefined) {
      if (isRead && PUBLIC.has(url.pathname)) return parts.answer(request, caller)
      return json(404, {
        error: 'NotFound',
        message: `There is no ${request.method} ${url.pathname.slice(0, 100)}`,
      })
    }
    try {
      const body = request.method === 'POST' ? await readBody(request) : {}
      return json(200, await handler({ params: url.searchParams, body }))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return json(error.status, { error: error.error, message: error.message })
    }
  }
}

/** A form of a page cannot send this type without being asked first, which is not answered. */
async function readBody(request: Request): Promise<Body> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json(;|$)/i.test(type)) {
    throw new Refused(415, 'InvalidRequest', 'The body is application/json')
  }
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > MAX_BODY_BYTES)
      throw new Refused(413, 'PayloadTooLarge', `The body has at most ${MAX_BODY_BYTES} bytes`)
    parts.push(part)
  }
  try {
    const body: unknown = size === 0 ? {} : JSON.parse(Buffer.concat(parts).toString('utf8'))
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Body
  } catch {
    // As any other body that is none.
  }
  throw new Refused(400, 'InvalidRequest', 'The body is no JSON object')
}

function kindOf({ kind = 'fields' }: Body): IndexKind {
  if (kind === 'fields' || kind === 'search') return kind
  throw new Refused(400, 'InvalidRequest', 'kind is fields or search')
}

function choiceOf(body: Body): LetterChoice {
  const { ids, did, all } = body
  if (all === true) return { all }
  if (typeof did === 'string') return { did }
  if (Array.isArray(ids) && ids.length <= MAX_PAGE && ids.every((id) => Number.isSafeInteger(id)))
    return { ids }
  throw new Refused(400, 'InvalidRequest', `ids (at most ${MAX_PAGE} numbers), did or all says which letters`)
}

async function done(result: Promise<ChoiceResult | IndexChange | LexiconReload>): Promise<object> {
  const { ok, ...rest } = await result
  if (ok) return (rest as { value: object }).value
  const { code, message } = (rest as { error: { code: string; message: string } }).error
  throw new Refused(
    code === 'invalid' ? 400 : 409,
    code === 'invalid' ? 'InvalidRequest' : 'Conflict',
    message,
  )
}

function json(status: number, value: object, retryAfter?: number): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  })
}
