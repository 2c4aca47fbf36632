// https://atproto.com/specs/permission, https://atproto.com/specs/oauth#authorization-scopes

import { canonicalScope } from './canonical.ts'
import { formatScope, formatScopes } from './format.ts'
import { addPermission, allowsNeed, coversPermission, emptyGrant, type Grant } from './grant.ts'
import { EXPANDED_LIMITS } from './limits.ts'
import { ANY_TYPE } from './media-type.ts'
import { parseScopes } from './parse.ts'
import { isPermission, type Need, type Permission, type Scope } from './scope.ts'

/** Scopes that somebody holds. Never changes. */
export type ScopeSet = {
  /** The scopes in the order of their canonical text, without permissions that another one covers. */
  readonly scopes: readonly Scope[]
  /** Whether they give what somebody is about to do: nothing at all without `atproto`. Costs the same for any set. */
  allows(need: Need): boolean
  /** Whether a scope gives nothing that these do not give. A permission set is covered by itself alone. */
  covers(scope: Scope): boolean
  /** The canonical text: `parseScopes` reads it under `EXPANDED_LIMITS`. */
  toString(): string
}

/** Options of {@link createScopeSet}. */
export type ScopeSetOptions = {
  /**
   * Whether the `transition:` scopes count; they do unless told otherwise. They stand for what app passwords give, and are for
   * callers who signed in by OAuth alone: whoever tells callers apart by their scopes gives everything to the wrong ones.
   */
  readonly transition?: boolean
}

/**
 * Scopes as a set: from a text, of which what is unknown or malformed gives nothing, as does a text beyond
 * `EXPANDED_LIMITS`; or from scopes that were read. Permission sets have to be expanded before.
 */
export function createScopeSet(from: string | Iterable<Scope>, options: ScopeSetOptions = {}): ScopeSet {
  const given = typeof from === 'string' ? knownScopes(from) : from
  const byText = new Map<string, Scope>()
  for (const scope of given) {
    if (scope.resource !== 'transition' || options.transition !== false) {
      byText.set(formatScope(scope), canonicalScope(scope))
    }
  }
  const grant = grantOf(byText)
  const hasAtproto = byText.has('atproto')
  const kept = withoutCovered(byText)
  return {
    scopes: kept,
    allows: (need) => hasAtproto && allowsNeed(grant, need),
    covers: (scope) => {
      if (byText.has(formatScope(scope))) return true
      const permission = permissionOf(scope)
      return permission !== null && coversPermission(grant, permission)
    },
    toString: () => formatScopes(kept),
  }
}

function knownScopes(text: string): Scope[] {
  const parsed = parseScopes(text, EXPANDED_LIMITS)
  return parsed.ok ? parsed.value.flatMap((item) => (item.kind === 'known' ? [item.scope] : [])) : []
}

/** The permission that a scope is or stands for; null where no single one says what it gives. */
function permissionOf(scope: Scope): Permission | null {
  if (isPermission(scope)) return scope
  const isEmail = scope.resource === 'transition' && scope.name === 'email'
  return isEmail ? { resource: 'account', attr: 'email', action: 'read' } : null
}

/** What scopes give together. */
function grantOf(byText: ReadonlyMap<string, Scope>): Grant {
  const grant = emptyGrant(byText.has('transition:generic'), byText.has('transition:chat.bsky'))
  for (const scope of byText.values()) {
    const permission = permissionOf(scope)
    if (permission !== null) addPermission(grant, permission)
  }
  return grant
}

/**
 * The scopes without the permissions that another permission covers. The wider ones are taken first, so each is compared with
 * all that could cover it, and once. What a transition scope covers stays: clients look for what they asked for.
 */
function withoutCovered(byText: ReadonlyMap<string, Scope>): Scope[] {
  const sorted = [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const widths = new Map(sorted.map(([, scope]) => [scope, isPermission(scope) ? width(scope) : 0]))
  const grant = emptyGrant()
  const kept = new Set<Scope>()
  for (const [, scope] of sorted.toSorted(([, a], [, b]) => widths.get(b)! - widths.get(a)!)) {
    if (isPermission(scope)) {
      if (coversPermission(grant, scope)) continue
      addPermission(grant, scope)
    }
    kept.add(scope)
  }
  return sorted.map(([, scope]) => scope).filter((scope) => kept.has(scope))
}

/** More than a text has room for names. */
const WIDE = 1e6

/** A number that is greater for a permission than for any other that it covers. */
function width(permission: Permission): number {
  const sum = (names: readonly string[]): number => {
    return names.reduce(
      (total, name) => total + (name === ANY_TYPE ? WIDE : 1) * (name.endsWith('*') ? WIDE : 1),
      0,
    )
  }
  switch (permission.resource) {
    case 'repo':
      return sum(permission.collection) * permission.action.length
    case 'rpc':
      return sum(permission.lxm) * (permission.aud === '*' ? WIDE : 1)
    case 'blob':
      return sum(permission.accept)
    case 'account':
      return permission.action === 'manage' ? 2 : 1
    default:
      return permission.attr === '*' ? 2 : 1
  }
}

/** Whether the second set gives all that the first one does: what a refresh asks for, within what was granted. */
export function isSubset(inner: ScopeSet, outer: ScopeSet): boolean {
  return inner.scopes.every((scope) => outer.covers(scope))
}
