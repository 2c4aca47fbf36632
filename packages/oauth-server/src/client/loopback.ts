// https://atproto.com/specs/oauth#localhost-client-development

import type { Result } from '@avocet/syntax'

import { quoted } from '../failure.ts'
import type { Client } from './client.ts'
import { readScopes } from './metadata.ts'
import { redirectProblem } from './redirect-uri.ts'

const DEFAULT_REDIRECTS = ['http://127.0.0.1/', 'http://[::1]/']
const MAX_REDIRECTS = 32

/** An app on a person's own device, by the query of its id: `scope` once, `redirect_uri` as often as need be. */
export function readLoopbackClient(id: string, query: string): Result<Client, string> {
  const params = new URLSearchParams(query)
  const foreign = [...params.keys()].find((name) => name !== 'scope' && name !== 'redirect_uri')
  if (foreign !== undefined) {
    return wrong(`client_id of http://localhost may have scope and redirect_uri; got ${quoted(foreign)}`)
  }
  const scopeTexts = params.getAll('scope')
  if (scopeTexts.length > 1) return wrong('client_id of http://localhost may have one scope parameter')
  const scopes = readScopes(scopeTexts[0] ?? 'atproto')
  if (typeof scopes === 'string') return wrong(`client_id: ${scopes}`)
  const asked = params.getAll('redirect_uri')
  if (asked.length > MAX_REDIRECTS) return wrong(`client_id may have ${MAX_REDIRECTS} redirect_uri at most`)
  const redirectUris = asked.length === 0 ? DEFAULT_REDIRECTS : asked
  for (const uri of redirectUris) {
    const problem = redirectProblem(uri, { native: true, host: null, https: false })
    if (problem !== null) return wrong(`client_id: ${problem}`)
  }
  const auth = { method: 'none' } as const
  const shown = { name: null, logoUri: null, termsUri: null, policyUri: null }
  return { ok: true, value: { id, isLoopback: true, redirectUris, scopes, renews: true, auth, shown } }
}

function wrong(error: string): { ok: false; error: string } {
  return { ok: false, error }
}
