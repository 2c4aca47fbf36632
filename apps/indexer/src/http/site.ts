// Everything outside /xrpc: the page, its event stream, the status, and what is known about one record.

import { CborError, decode } from '@avocet/cbor'
import type { Catalog, LexiconDocument } from '@avocet/lexicon'
import type { DataObject } from '@avocet/data'
import { parseAtUri } from '@avocet/syntax'
import type { LinkSources } from '../backlinks/sources.ts'
import { findLinks } from '../index/links.ts'
import { judgeBudget } from '../queries/labels.ts'
import { MAX_ANSWER_ITEMS } from '../queries/record-json.ts'
import { readFields } from '../queries/record-fields.ts'
import type { RecordReader, RecordRow } from '../queries/records.ts'
import type { DeadLetterReader } from '../queries/dead-letters.ts'
import type { RepoReader } from '../queries/repos.ts'
import type { LinkReader } from '../queries/links.ts'
import { EVENT_HEADERS, type Live } from './live.ts'
import type { Page } from './page.ts'

const PAGE = 25
const MAX_SOURCES = 50

/** Answers requests outside /xrpc. */
export function createSite(options: {
  readonly page: Page
  readonly live: Live
  readonly status: () => object
  readonly records: RecordReader
  readonly links: LinkReader
  readonly linkSources: LinkSources
  readonly repos: RepoReader
  readonly deadLetters: DeadLetterReader
  /** What says which fields records have. */
  readonly catalog: () => Catalog
  /** The queries that collections have. */
  readonly queries: () => readonly LexiconDocument[]
}): (request: Request, caller: { readonly address: string | null }) => Response {
  const { page, live, status, records, links, deadLetters } = options
  return (request, caller) => {
    const url = new URL(request.url)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return json({ error: 'MethodNotAllowed', message: 'Only GET is answered here' }, 405)
    }
    const file = page(url.pathname, request)
    if (file !== null) return file
    switch (url.pathname) {
      case '/events':
        // Who asks for the head alone does not stay.
        if (request.method === 'HEAD') return new Response(null, { headers: EVENT_HEADERS })
        return live.connect(request.signal, caller.address)
      case '/status':
        return json(status())
      case '/failures':
        return failures(url.searchParams)
      case '/repos':
        return repoFacts(url.searchParams.get('did') ?? '')
      case '/accounts':
        return accounts(url.searchParams.get('cursor') ?? '')
      case '/queries':
        return json({ queries: options.queries().map(toQuery) })
      case '/link-sources':
        return linkSources(url.searchParams.get('subject') ?? '')
      case '/records':
        return recordFacts(url.searchParams.get('uri') ?? '')
      default:
        return json({ error: 'NotFound', message: 'There is nothing at this address' }, 404)
    }
  }

  /** From where something is pointed to; who does is for blue.microcosm.links.getBacklinks to tell. */
  function linkSources(subject: string): Response {
    const found = options
      .linkSources(subject)
      .take(MAX_SOURCES + 1)
      .toArray()
    return json({ sources: found.slice(0, MAX_SOURCES), isCut: found.length > MAX_SOURCES })
  }

  /** The newest refused events; with `id` one of them and its frame. */
  function failures(query: URLSearchParams): Response {
    const id = query.get('id')
    if (id === null) {
      const found = deadLetters.newest({
        limit: PAGE + 1,
        reason: query.get('reason'),
        before: numberOf(query.get('cursor')),
      })
      const letters = found.slice(0, PAGE)
      const last = found.length > PAGE ? letters.at(-1) : undefined
      return json({ failures: letters, ...(last === undefined ? {} : { cursor: String(last.id) }) })
    }
    const letter = deadLetters.get(numberOf(id) ?? 0)
    if (letter === null)
      return json({ error: 'LetterNotFound', message: 'This dead letter is not kept any more' }, 404)
    const { frame, ...rest } = letter
    // What an account wrote is not shown while it is off.
    const isShown = letter.did === null || (records.account(letter.did)?.status ?? null) === null
    if (frame === null || !isShown) return json({ ...rest, hasFrame: false, frame: null })
    const { length, bytes, outline } = frame
    return json({ ...rest, frame: { length, base64: Buffer.from(bytes).toString('base64'), outline } })
  }

  /** Where a repo stands, and why. */
  function repoFacts(actor: string): Response {
    const did = actor.startsWith('did:') ? actor : (records.account(actor)?.did ?? actor)
    const repo = options.repos.get(did)
    if (repo === null) return json({ error: 'RepoNotFound', message: `Could not find repo: ${actor}` }, 404)
    const { reason, attempts, rev, next_try: nextTry } = repo
    const { status: said, flags, partialSince, confirmedAt } = repo
    return json({ did, status: said, reason, attempts, rev, nextTry, flags, partialSince, confirmedAt })
  }

  /** A page of accounts with their handles, for people; listRepos is the one for programs. */
  function accounts(cursor: string): Response {
    const rows = records.accounts(cursor, PAGE)
    const last = rows.length === PAGE ? rows.at(-1) : undefined
    return json({
      accounts: rows.map((row) => ({ did: row.did, handle: row.handle, status: row.status, rev: row.rev })),
      ...(last === undefined ? {} : { cursor: last.did }),
    })
  }

  /** What the index knows of a record beside its value. */
  function recordFacts(uri: string): Response {
    const parsed = parseAtUri(uri)
    if (!parsed.ok) return json({ error: 'InvalidRequest', message: 'uri is not an at:// URI' }, 400)
    const { authority, collection, rkey } = parsed.value
    const account = records.account(authority)
    const row =
      account === null || account.status !== null
        ? null
        : records.record(account.did, collection ?? '', rkey ?? '')
    if (row === null)
      return json({ error: 'RecordNotFound', message: `Could not locate record: ${uri}` }, 404)
    const label = records.labelled(row, judgeBudget())
    return json({
      uri,
      cid: row.cid,
      rev: row.rev,
      ...(label === 'over' ? {} : { validity: label.validity, reason: label.reason }),
      provenance: row.provenance,
      indexedAt: row.indexed_at,
      backlinks: links.count(uri),
      size: row.bytes?.length ?? null,
      ...contentOf(row),
    })
  }

  /** What stands in it, and what it links to; nulls where it is not looked at. */
  function contentOf({ bytes, collection }: RecordRow): object {
    const record = bytes === null ? null : decoded(bytes)
    if (record === null) return { fields: null, isCut: false, links: null }
    return { ...readFields(options.catalog(), collection, record), links: findLinks(record, bytes!.length) }
  }
}

/** A query as forms are made of: its name, what it is for, and its parameters. */
function toQuery({ id, defs }: LexiconDocument): object {
  const main = defs['main']
  const { description = null, parameters } = main?.type === 'query' ? main : {}
  return { id, description, parameters: parameters?.properties ?? {} }
}

/** What is larger than any answer, or no record, has no fields to show. */
function decoded(bytes: Uint8Array): DataObject | null {
  try {
    return decode(bytes, { budget: { left: MAX_ANSWER_ITEMS } }) as DataObject
  } catch (error) {
    if (error instanceof CborError) return null
    throw error
  }
}

function numberOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

function json(value: object, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
}
