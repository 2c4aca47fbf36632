// https://atproto.com/specs/permission#permission-sets

import type { Nsid } from '@avocet/syntax'

import { formatScope } from './format.ts'
import { EXPANDED_LIMITS } from './limits.ts'
import { readPermissionSet, type ExpandedSet, type SetFailure } from './permission-set.ts'
import type { IncludeScope, Scope } from './scope.ts'

/** Scopes with their permission sets expanded. */
export type Expansion = {
  /** The other scopes, and after them what the sets give: without any `include:`. */
  readonly scopes: readonly Exclude<Scope, IncludeScope>[]
  /** The sets, in their order. */
  readonly sets: readonly ExpandedSet[]
  /** The sets that give nothing. A new grant that has some is refused; one that goes on is served without them. */
  readonly failed: readonly FailedSet[]
}

/** A set that could not be expanded. */
export type FailedSet = {
  readonly scope: IncludeScope
  readonly code: SetFailure['code'] | 'unresolved'
  readonly message: string
}

/**
 * Puts what permission sets give in the place of their `include:` scopes. Bounded: what would go beyond `EXPANDED_LIMITS`
 * fails, set by set, in their order.
 *
 * @param lookup the resolved lexicon document of an NSID, as JSON; null or undefined where there is none. Called once a scope.
 */
export function expandScopes(scopes: Iterable<Scope>, lookup: (nsid: Nsid) => unknown): Expansion {
  const out = new Map<string, Exclude<Scope, IncludeScope>>()
  const includes = new Map<string, IncludeScope>()
  let length = 0
  for (const scope of scopes) {
    const text = formatScope(scope)
    if (scope.resource === 'include') includes.set(text, scope)
    else if (!out.has(text)) {
      out.set(text, scope)
      length += text.length + 1
    }
  }
  const sets: ExpandedSet[] = []
  const failed: FailedSet[] = []
  for (const scope of includes.values()) {
    const document = lookup(scope.nsid)
    if (document === undefined || document === null) {
      failed.push({ scope, code: 'unresolved', message: 'the permission set could not be resolved' })
      continue
    }
    const set = readPermissionSet(scope, document)
    if (!set.ok) {
      failed.push({ scope, ...set.error })
      continue
    }
    const added = set.value.permissions
      .map((permission) => [formatScope(permission), permission] as const)
      .filter(([text]) => !out.has(text))
    const grown = added.reduce((total, [text]) => total + text.length + 1, length)
    if (grown > EXPANDED_LIMITS.length || out.size + added.length > EXPANDED_LIMITS.scopes) {
      failed.push({ scope, code: 'too-large', message: 'the permission sets give more than can be kept' })
      continue
    }
    for (const [text, permission] of added) out.set(text, permission)
    length = grown
    sets.push(set.value)
  }
  return { scopes: [...out.values()], sets, failed }
}
