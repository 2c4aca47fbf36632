// https://atproto.com/specs/oauth#authorization-scopes, https://atproto.com/specs/permission

import {
  expandScopes,
  formatScope,
  formatScopes,
  parseScopes,
  type ExpandedSet,
  type Scope,
} from '@avocet/oauth-scopes'
import type { Nsid, Result } from '@avocet/syntax'

import { quoted, refuse, type OAuthFailure } from './failure.ts'
import type { PermissionSets } from './options.ts'

/** A scope, and the text under which it is kept and agreed to: the canonical one. */
export interface AskedScope {
  readonly text: string
  readonly scope: Scope
}

/** What scopes give. */
export interface Expanded {
  /** In the order of their text. */
  readonly scopes: readonly AskedScope[]
  readonly sets: readonly ExpandedSet[]
  /** The text of what they give, permission sets expanded. */
  readonly permissions: string
}

/** Permission sets in one request: each may have to be fetched. */
const MAX_SETS = 32
/** For all permission sets of a request together, in ms. */
const MAX_TIME = 10_000

/**
 * The scopes that a client may be granted of those it asks for: each once, in its canonical text, without those unknown here.
 * @param allowed the texts that its document names
 */
export function requestedScope(
  asked: string | null,
  allowed: ReadonlySet<string>,
): Result<string, OAuthFailure> {
  if (asked === null) return refuse('invalid_scope', 'scope is missing')
  const parsed = parseScopes(asked)
  if (!parsed.ok) return refuse('invalid_scope', `scope: ${parsed.error.message}`)
  const texts = new Set<string>()
  let sets = 0
  for (const item of parsed.value) {
    const { kind, text } = item
    if (kind === 'malformed') return refuse('invalid_scope', `scope ${quoted(text)}: ${item.reason}`)
    if (text === 'openid') return refuse('invalid_scope', 'scope openid: there are no ID tokens here')
    if (!allowed.has(text)) {
      return refuse('invalid_scope', `scope ${quoted(text)} is not in the scope of the client's document`)
    }
    if (kind === 'unknown') continue
    const canonical = formatScope(item.scope)
    if (item.scope.resource === 'include' && !texts.has(canonical) && ++sets > MAX_SETS) {
      return refuse('invalid_scope', `scope: more than ${MAX_SETS} permission sets`)
    }
    texts.add(canonical)
  }
  if (!texts.has('atproto')) return refuse('invalid_scope', 'scope must include atproto')
  return { ok: true, value: [...texts].join(' ') }
}

/** What the scopes of a kept text give now. Fails where a permission set cannot be resolved, or gives too much. */
export async function expandScope(
  scope: string,
  sets: PermissionSets,
  purpose: 'grant' | 'renewal',
): Promise<Result<Expanded, OAuthFailure>> {
  const parsed = parseScopes(scope)
  const known = parsed.ok
    ? parsed.value.flatMap((item) => (item.kind === 'known' ? [{ text: item.text, scope: item.scope }] : []))
    : []
  const names = new Set(known.flatMap(({ scope: item }) => (item.resource === 'include' ? [item.nsid] : [])))
  const documents = await resolve([...names], sets, purpose)
  const {
    scopes,
    sets: expanded,
    failed,
  } = expandScopes(
    known.map(({ scope: item }) => item),
    (nsid) => documents.get(nsid),
  )
  const [failure] = failed
  if (failure !== undefined) {
    return refuse('invalid_scope', `scope include:${failure.scope.nsid}: ${failure.message}`)
  }
  return { ok: true, value: { scopes: known, sets: expanded, permissions: formatScopes(scopes) } }
}

/** Documents by name; those that cannot be had in time are left out. */
async function resolve(
  names: readonly Nsid[],
  sets: PermissionSets,
  purpose: 'grant' | 'renewal',
): Promise<ReadonlyMap<Nsid, unknown>> {
  const found = new Map<Nsid, unknown>()
  if (names.length === 0) return found
  const abort = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeUp = new Promise<void>((done) => {
    timer = setTimeout(() => {
      abort.abort(new Error('permission sets took too long'))
      done()
    }, MAX_TIME)
  })
  const one = async (nsid: Nsid): Promise<void> => {
    try {
      found.set(nsid, await sets.document(nsid, purpose, abort.signal))
    } catch {
      // As one that is not there.
    }
  }
  await Promise.race([Promise.all(names.map(one)), timeUp])
  clearTimeout(timer)
  return new Map(found)
}

/** The canonical texts of scopes that somebody wrote. What is not understood is left out. */
export function canonicalTexts(scope: string): string[] {
  const parsed = parseScopes(scope)
  if (!parsed.ok) return []
  return parsed.value.flatMap((item) => (item.kind === 'known' ? [formatScope(item.scope)] : []))
}

/** The texts of a kept scope. */
export function scopeTexts(scope: string): string[] {
  return scope.split(' ').filter((text) => text !== '')
}
