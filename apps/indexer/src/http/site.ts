// Everything outside /xrpc: the page, its event stream, the status, and what is known about one record.

import { parseAtUri } from '@avocet/syntax'
import type { RecordReader } from '../queries/records.ts'
import type { DeadLetter } from '../queries/dead-letters.ts'
import type { RepoReader } from '../queries/repos.ts'
import type { LinkReader } from '../queries/links.ts'
import { EVENT_HEADERS, type Live } from './live.ts'
import type { Page } from './page.ts'

const PAGE = 25

/** Answers requests outside /xrpc. */
export function createSite(options: {
  readonly page: Page
  readonly live: Live
  readonly status: () => object
  readonly records: RecordReader
  readonly links: LinkReader
  readonly repos: RepoReader
  readonly deadLetters: (limit: number) => DeadLetter[]
}): (request: Request, caller: { readonly address: string | null }) => Response {
  const { page, live, status, records, links } = options
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
        return json({ failures: options.deadLetters(PAGE) })
      case '/repos':
        return repoFacts(url.searchParams.get('did') ?? '')
      case '/accounts':
        return accounts(url.searchParams.get('cursor') ?? '')
      case '/records':
        return recordFacts(url.searchParams.get('uri') ?? '')
      default:
        return json({ error: 'NotFound', message: 'There is nothing at this address' }, 404)
    }
  }

  /** Where a repo stands, and why. */
  function repoFacts(did: string): Response {
    const repo = options.repos.get(did)
    if (repo === null) return json({ error: 'RepoNotFound', message: `Could not find repo: ${did}` }, 404)
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
    return json({
      uri,
      cid: row.cid,
      rev: row.rev,
      validity: row.validity,
      reason: row.reason,
      provenance: row.provenance,
      indexedAt: row.indexed_at,
      backlinks: links.count(uri),
    })
  }
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
