// One way to say each permission: no member twice, none that another covers, all in one order.

import { acceptsAll, ANY_TYPE, widerPattern } from './media-type.ts'
import { REPO_ACTIONS, type RepoAction, type Scope } from './scope.ts'

/** Names in order, once each; `*` alone where it is among them. */
export function canonicalNames<T extends string>(names: readonly (T | '*')[]): readonly (T | '*')[] {
  return names.includes('*') ? ['*'] : [...new Set(names)].toSorted()
}

/** Actions in the order of the specification, once each. */
export function canonicalActions(actions: readonly string[]): readonly RepoAction[] {
  return REPO_ACTIONS.filter((action) => actions.includes(action))
}

/** Patterns in order, once each, without those that another one takes. */
export function canonicalAccept(patterns: readonly string[]): readonly string[] {
  const all = new Set(patterns)
  if (all.has(ANY_TYPE)) return [ANY_TYPE]
  return [...all]
    .filter((pattern) => {
      const wider = widerPattern(pattern)
      return pattern === wider || !acceptsAll(all, wider)
    })
    .toSorted()
}

/** A scope with its names in canonical form: of a scope that was parsed, the same. */
export function canonicalScope<T extends Scope>(scope: T): T {
  switch (scope.resource) {
    case 'repo':
      return {
        ...scope,
        collection: canonicalNames(scope.collection),
        action: canonicalActions(scope.action),
      }
    case 'rpc':
      return { ...scope, lxm: canonicalNames(scope.lxm) }
    case 'blob':
      return { ...scope, accept: canonicalAccept(scope.accept) }
    default:
      return scope
  }
}
