import { addPermission, atoms, emptyGrant, type Grant } from './grant.ts'
import { mergedPermissions } from './merge.ts'
import { isPermission, type RpcPermission, type Scope } from './scope.ts'
import { createScopeSet, type ScopeSet } from './scope-set.ts'

/** Pairs of a service and a method that an intersection may make of `rpc:*?aud=X` on one side and `rpc:M?aud=*` on the other. */
const MAX_PAIRS = 4096

/**
 * What both sets give. Scopes of either that the other covers stay as they are; of others, what is left. It gives what both
 * allow, with two exceptions, which give less, never more: methods of one service that are left of `transition:generic` (all
 * but those of private messages: no scope can say so), and what goes beyond {@link MAX_PAIRS}.
 */
export function intersectScopes(a: ScopeSet, b: ScopeSet): ScopeSet {
  const whole = [...coveredScopes(a, b), ...coveredScopes(b, a)]
  const rest = emptyGrant()
  addRest(rest, a, b)
  addRest(rest, b, a)
  addMixed(rest, a, b)
  addMixed(rest, b, a)
  return createScopeSet([...whole, ...mergedPermissions(rest)])
}

function coveredScopes(from: ScopeSet, other: ScopeSet): readonly Scope[] {
  return from.scopes.filter((scope) => other.covers(scope))
}

/** The parts of permissions that the other set covers, of those that it does not cover wholly. */
function addRest(rest: Grant, from: ScopeSet, other: ScopeSet): void {
  for (const scope of from.scopes) {
    if (!isPermission(scope) || other.covers(scope)) continue
    for (const atom of atoms(scope)) if (other.covers(atom)) addPermission(rest, atom)
  }
}

/** Any method of one service, with one method of any service: that method of that service. */
function addMixed(rest: Grant, from: ScopeSet, other: ScopeSet): void {
  const services = rpcOf(from).filter(({ lxm, aud }) => aud !== '*' && lxm[0] === '*')
  const methods = rpcOf(other)
    .filter(({ aud }) => aud === '*')
    .flatMap(({ lxm }) => lxm)
  let pairs = 0
  for (const { aud } of services) {
    for (const name of methods) {
      if (++pairs > MAX_PAIRS) return
      addPermission(rest, { resource: 'rpc', lxm: [name], aud })
    }
  }
}

function rpcOf({ scopes }: ScopeSet): RpcPermission[] {
  return scopes.filter((scope) => scope.resource === 'rpc')
}
