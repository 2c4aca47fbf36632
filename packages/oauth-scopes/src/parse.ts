// https://atproto.com/specs/permission#scope-string-syntax

import { isNsid, type Nsid, type Result } from '@avocet/syntax'

import { canonicalAccept, canonicalActions, canonicalNames } from './canonical.ts'
import { REQUEST_LIMITS, type ScopeLimits } from './limits.ts'
import { readAccept } from './media-type.ts'
import { readParts, resourceName, tokenProblem, type ScopeParts } from './parts.ts'
import {
  REPO_ACTIONS,
  type AccountAction,
  type AccountAttr,
  type IdentityAttr,
  type Scope,
  type TransitionName,
} from './scope.ts'
import { isServiceReference } from './service-reference.ts'

/**
 * What one scope of a text is. `text` is as it was written, by a stranger. Whoever grants scopes leaves out the unknown ones,
 * which may mean something elsewhere; of the malformed ones, `reason` says in a few words what is wrong, and quotes nothing.
 */
export type ParsedScope =
  | { readonly kind: 'known'; readonly text: string; readonly scope: Scope }
  | { readonly kind: 'unknown'; readonly text: string }
  | { readonly kind: 'malformed'; readonly text: string; readonly reason: string }

/** Why a text of scopes was not read at all. */
export type ScopesFailure = { readonly code: 'too-long' | 'too-many' | 'not-text'; readonly message: string }

/**
 * The scopes of a text, one by one, in their order, as often as they stand there. Spaces separate them.
 *
 * @returns failure for a text beyond the bounds
 */
export function parseScopes(
  text: unknown,
  limits: ScopeLimits = REQUEST_LIMITS,
): Result<readonly ParsedScope[], ScopesFailure> {
  if (typeof text !== 'string') return failure('not-text', 'the scope is not a text')
  if (text.length > limits.length) return failure('too-long', `more than ${limits.length} characters`)
  const parsed: ParsedScope[] = []
  for (let start = 0; start < text.length;) {
    const space = text.indexOf(' ', start)
    const end = space === -1 ? text.length : space
    if (end > start) {
      if (parsed.length === limits.scopes) return failure('too-many', `more than ${limits.scopes} scopes`)
      parsed.push(parseScope(text.slice(start, end), limits))
    }
    start = end + 1
  }
  return { ok: true, value: parsed }
}

function failure(code: ScopesFailure['code'], message: string): { ok: false; error: ScopesFailure } {
  return { ok: false, error: { code, message } }
}

/** One scope; a text with spaces is malformed. Never throws. */
export function parseScope(text: string, limits: ScopeLimits = REQUEST_LIMITS): ParsedScope {
  const problem = tokenProblem(text, limits)
  if (problem !== null) return { kind: 'malformed', text, reason: problem }
  const fixed = FIXED.get(text)
  if (fixed !== undefined) return { kind: 'known', text, scope: fixed }
  const resource = READERS.get(resourceName(text))
  if (resource === undefined) return { kind: 'unknown', text }
  const parts = readParts(text, limits)
  const fields = typeof parts === 'string' ? parts : readFields(parts, resource.names)
  const scope = typeof fields === 'string' ? fields : resource.read(fields)
  return typeof scope === 'string'
    ? { kind: 'malformed', text, reason: scope }
    : { kind: 'known', text, scope }
}

const transition = (name: TransitionName): [string, Scope] => [
  `transition:${name}`,
  { resource: 'transition', name },
]

const FIXED: ReadonlyMap<string, Scope> = new Map<string, Scope>([
  ['atproto', { resource: 'atproto' }],
  transition('generic'),
  transition('email'),
  transition('chat.bsky'),
])

type Fields = ReadonlyMap<string, readonly string[]>

/** The values by their names. The first of the names is the one that may stand behind the colon. */
function readFields({ positional, params }: ScopeParts, names: readonly string[]): Fields | string {
  const fields = new Map<string, string[]>()
  if (positional !== null) fields.set(names[0]!, [positional])
  for (const [name, value] of params) {
    if (!names.includes(name)) return 'an unknown parameter'
    if (name === names[0] && positional !== null) return `${name} both behind the colon and by its name`
    const values = fields.get(name)
    if (values === undefined) fields.set(name, [value])
    else values.push(value)
  }
  return fields
}

/** The one value of a parameter, undefined for none, null for several. */
function single(fields: Fields, name: string): string | null | undefined {
  const values = fields.get(name)
  return values === undefined || values.length === 1 ? values?.[0] : null
}

type Reader = {
  /** Names of the parameters, the positional one first. */
  readonly names: readonly string[]
  readonly read: (fields: Fields) => Scope | string
}

const isName = (value: string): value is Nsid | '*' => value === '*' || isNsid(value)

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['atproto', { names: [], read: () => 'atproto takes no parameters' }],
  ['repo', { names: ['collection', 'action'], read: readRepo }],
  ['rpc', { names: ['lxm', 'aud'], read: readRpc }],
  ['blob', { names: ['accept'], read: readBlob }],
  ['account', { names: ['attr', 'action'], read: readAccount }],
  ['identity', { names: ['attr'], read: readIdentity }],
  ['include', { names: ['nsid', 'aud'], read: readInclude }],
])

function readRepo(fields: Fields): Scope | string {
  const collection = fields.get('collection') ?? []
  if (collection.length === 0) return 'no collection'
  if (!collection.every(isName)) return 'a collection that is neither an NSID nor *'
  const action: readonly string[] = fields.get('action') ?? REPO_ACTIONS
  if (!action.every((name) => (REPO_ACTIONS as readonly string[]).includes(name))) return 'an unknown action'
  return {
    resource: 'repo',
    collection: canonicalNames<Nsid>(collection),
    action: canonicalActions(action),
  }
}

function readRpc(fields: Fields): Scope | string {
  const lxm = fields.get('lxm') ?? []
  if (lxm.length === 0) return 'no method (lxm)'
  if (!lxm.every(isName)) return 'a method (lxm) that is neither an NSID nor *'
  const aud = single(fields, 'aud')
  if (aud === undefined) return 'no audience (aud)'
  if (aud === null) return 'more than one audience (aud)'
  if (aud === '*' && lxm.includes('*')) return 'any method of any service'
  if (aud !== '*' && !isServiceReference(aud)) return NO_REFERENCE
  return { resource: 'rpc', lxm: canonicalNames<Nsid>(lxm), aud }
}

const NO_REFERENCE = 'an audience (aud) that is no DID with the id of a service'

function readBlob(fields: Fields): Scope | string {
  const accept: string[] = []
  for (const text of fields.get('accept') ?? []) {
    const pattern = readAccept(text)
    if (pattern === null) return 'an accept that is no media type'
    accept.push(pattern)
  }
  return accept.length === 0 ? 'no accept' : { resource: 'blob', accept: canonicalAccept(accept) }
}

const ACCOUNT_ATTRS: ReadonlySet<unknown> = new Set<AccountAttr>(['email', 'repo'])
const ACCOUNT_ACTIONS: ReadonlySet<unknown> = new Set<AccountAction>(['read', 'manage'])

function readAccount(fields: Fields): Scope | string {
  const attr = single(fields, 'attr')
  if (!ACCOUNT_ATTRS.has(attr)) return attrProblem(attr)
  const action = single(fields, 'action') ?? (fields.has('action') ? null : 'read')
  if (!ACCOUNT_ACTIONS.has(action)) return action === null ? 'more than one action' : 'an unknown action'
  return { resource: 'account', attr: attr as AccountAttr, action: action as AccountAction }
}

function attrProblem(attr: string | null | undefined): string {
  if (attr === undefined) return 'no attr'
  return attr === null ? 'more than one attr' : 'an unknown attr'
}

const IDENTITY_ATTRS: ReadonlySet<unknown> = new Set<IdentityAttr>(['handle', '*'])

function readIdentity(fields: Fields): Scope | string {
  const attr = single(fields, 'attr')
  if (!IDENTITY_ATTRS.has(attr)) return attrProblem(attr)
  return { resource: 'identity', attr: attr as IdentityAttr }
}

/** An audience of `*` is refused, as the reference does: what it would give is not settled. */
function readInclude(fields: Fields): Scope | string {
  const nsid = single(fields, 'nsid')
  if (nsid === undefined) return 'no permission set'
  if (!isNsid(nsid)) return 'a permission set that is no NSID'
  const aud = single(fields, 'aud')
  if (aud === undefined) return { resource: 'include', nsid }
  if (aud === null) return 'more than one audience (aud)'
  return isServiceReference(aud) ? { resource: 'include', nsid, aud } : NO_REFERENCE
}
