// https://atproto.com/specs/permission#permission-sets, https://atproto.com/specs/lexicon#permission-set

import { isNsid, type Nsid, type Result } from '@avocet/syntax'

import { canonicalActions, canonicalNames } from './canonical.ts'
import { displayText } from './display-text.ts'
import { REPO_ACTIONS, type IncludeScope, type RepoPermission, type RpcPermission } from './scope.ts'
import { isServiceReference } from './service-reference.ts'

/** A permission that a set gives. */
export type SetPermission = RepoPermission | RpcPermission

/** What an `include:` scope gives. */
export type ExpandedSet = {
  readonly scope: IncludeScope
  readonly permissions: readonly SetPermission[]
  /** Which entries of the document give nothing, and why. */
  readonly ignored: readonly { readonly index: number; readonly reason: string }[]
  /** For the names of the set: see {@link setTitle} and {@link setDetail}. */
  readonly texts: SetTexts
}

/** The names that a set gives itself, as they stand in its document: a stranger's, and perhaps not even texts. */
export type SetTexts = {
  readonly title: unknown
  readonly titles: unknown
  readonly detail: unknown
  readonly details: unknown
}

/** Why a document gives no permission set. */
export type SetFailure = {
  readonly code: 'not-a-permission-set' | 'wrong-nsid' | 'too-large'
  readonly message: string
}

/** Entries of one set. */
const MAX_ENTRIES = 256
/** NSIDs in one set. As many as one scope may list under `EXPANDED_LIMITS`. */
const MAX_NAMES = 1000

/**
 * What an `include:` scope gives by the lexicon document that it names. Entries that are not understood wholly (another
 * resource, another field), that reach beyond the group of the set's own NSID, or that use wildcards where a set may not, give
 * nothing, each as a whole. Sets do not nest.
 *
 * @param document the resolved lexicon as JSON, from a stranger
 * @returns failure for a document of another name, without a permission set, or beyond the bounds
 */
export function readPermissionSet(scope: IncludeScope, document: unknown): Result<ExpandedSet, SetFailure> {
  const main = field(field(document, 'defs'), 'main')
  const entries = field(main, 'permissions')
  if (
    field(document, 'lexicon') !== 1 ||
    field(main, 'type') !== 'permission-set' ||
    !Array.isArray(entries)
  ) {
    return failure('not-a-permission-set', 'the lexicon is no permission set')
  }
  if (field(document, 'id') !== scope.nsid) return failure('wrong-nsid', 'the lexicon has another NSID')
  if (entries.length > MAX_ENTRIES) return failure('too-large', `more than ${MAX_ENTRIES} entries`)
  const permissions: SetPermission[] = []
  const ignored: { index: number; reason: string }[] = []
  let names = 0
  for (const [index, entry] of (entries as unknown[]).entries()) {
    names += countNames(entry)
    if (names > MAX_NAMES) return failure('too-large', `more than ${MAX_NAMES} names`)
    const permission = readEntry(entry, scope)
    if (typeof permission === 'string') ignored.push({ index, reason: permission })
    else permissions.push(permission)
  }
  const texts = {
    title: field(main, 'title'),
    titles: field(main, 'title:lang'),
    detail: field(main, 'detail'),
    details: field(main, 'detail:lang'),
  }
  return { ok: true, value: { scope, permissions, ignored, texts } }
}

function failure(code: SetFailure['code'], message: string): { ok: false; error: SetFailure } {
  return { ok: false, error: { code, message } }
}

/** A field of an object's own; undefined where there is none, or no object. */
function field(value: unknown, name: string): unknown {
  const has = typeof value === 'object' && value !== null && Object.hasOwn(value, name)
  return has ? (value as Record<string, unknown>)[name] : undefined
}

function countNames(entry: unknown): number {
  const count = (names: unknown): number => (Array.isArray(names) ? names.length : 0)
  return count(field(entry, 'collection')) + count(field(entry, 'lxm'))
}

const FIELDS: ReadonlyMap<unknown, ReadonlySet<string>> = new Map([
  ['repo', new Set(['type', 'description', 'resource', 'collection', 'action'])],
  ['rpc', new Set(['type', 'description', 'resource', 'lxm', 'aud', 'inheritAud'])],
])

function readEntry(entry: unknown, scope: IncludeScope): SetPermission | string {
  if (field(entry, 'type') !== 'permission') return 'no permission'
  const fields = FIELDS.get(field(entry, 'resource'))
  if (fields === undefined) return 'a resource that no set may give'
  if (!Object.keys(entry as object).every((name) => fields.has(name))) return 'an unknown field'
  const group = scope.nsid.slice(0, scope.nsid.lastIndexOf('.') + 1)
  return field(entry, 'resource') === 'repo'
    ? readRepoEntry(entry, group)
    : readRpcEntry(entry, group, scope.aud)
}

/** The names, if all of them are in the group or deeper: the set's authority ends there. */
function namesIn(group: string, names: unknown): readonly (Nsid | '*')[] | null {
  if (!Array.isArray(names) || names.length === 0) return null
  const isWithin = (name: unknown): name is Nsid => isNsid(name) && name.startsWith(group)
  return (names as unknown[]).every(isWithin) ? canonicalNames<Nsid>(names as Nsid[]) : null
}

function readRepoEntry(entry: unknown, group: string): SetPermission | string {
  const collection = namesIn(group, field(entry, 'collection'))
  if (collection === null) return `collections beyond ${group}*`
  const action: unknown = field(entry, 'action') ?? REPO_ACTIONS
  if (!Array.isArray(action) || action.length === 0) return 'no action'
  if (!action.every((name: unknown) => (REPO_ACTIONS as readonly unknown[]).includes(name))) {
    return 'an unknown action'
  }
  return { resource: 'repo', collection, action: canonicalActions(action as string[]) }
}

function readRpcEntry(entry: unknown, group: string, inherited: string | undefined): SetPermission | string {
  const lxm = namesIn(group, field(entry, 'lxm'))
  if (lxm === null) return `methods beyond ${group}*`
  const aud = field(entry, 'aud')
  const inherits = field(entry, 'inheritAud') ?? false
  if (inherits === true) {
    if (aud !== undefined) return 'both aud and inheritAud'
    const isUsable = inherited !== undefined && isServiceReference(inherited)
    return isUsable ? { resource: 'rpc', lxm, aud: inherited } : 'no audience to inherit'
  }
  return aud === '*' && inherits === false ? { resource: 'rpc', lxm, aud } : 'an audience other than *'
}

/** Characters of a title, and of a detail, that are shown. */
const MAX_TITLE = 80
const MAX_DETAIL = 400

/**
 * The title of a set in the first of the languages that it has (BCP 47 tags; `pt-BR` takes `pt` too), otherwise in its own;
 * one line, cut at 80 characters; null when it has none. A stranger's text: escape it.
 */
export function setTitle({ texts }: ExpandedSet, languages: readonly string[] = []): string | null {
  return localText(texts.title, texts.titles, languages, MAX_TITLE)
}

/** What a set says about itself, as {@link setTitle}, cut at 400 characters. */
export function setDetail({ texts }: ExpandedSet, languages: readonly string[] = []): string | null {
  return localText(texts.detail, texts.details, languages, MAX_DETAIL)
}

/** Lookup of RFC 4647, section 3.4, without regard to case. */
function localText(
  own: unknown,
  others: unknown,
  languages: readonly string[],
  maxLength: number,
): string | null {
  const keys = typeof others === 'object' && others !== null ? Object.keys(others).slice(0, 256) : []
  const byTag = new Map(keys.map((key) => [key.toLowerCase(), key]))
  for (const language of languages.slice(0, 16)) {
    for (let tag = language.slice(0, 64).toLowerCase(); tag !== ''; tag = shorter(tag)) {
      const text = displayText(field(others, byTag.get(tag) ?? ''), maxLength)
      if (text !== null) return text
    }
  }
  return displayText(own, maxLength)
}

/** A language tag without its last part, and without a single letter that then ends it. */
function shorter(tag: string): string {
  const head = tag.slice(0, Math.max(0, tag.lastIndexOf('-')))
  return head.at(-2) === '-' ? head.slice(0, -2) : head
}
