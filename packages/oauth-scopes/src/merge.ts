import type { Nsid } from '@avocet/syntax'

import { canonicalAccept, canonicalNames } from './canonical.ts'
import type { Grant } from './grant.ts'
import { REPO_ACTIONS, type Permission, type RepoAction } from './scope.ts'

type Name = Nsid | '*'

/**
 * What a grant gives in as few permissions as say it, in one order: collections with the same actions together, methods of one
 * audience together, nothing twice. What the two transition scopes give is left aside.
 */
export function mergedPermissions(grant: Grant): readonly Permission[] {
  return [...mergedRepo(grant), ...mergedRpc(grant), ...mergedRest(grant)]
}

function mergedRepo({ repo }: Grant): Permission[] {
  const actionsOf = new Map<Name, RepoAction[]>()
  for (const action of REPO_ACTIONS) {
    for (const name of canonicalNames([...repo.get(action)!])) {
      const actions = actionsOf.get(name)
      if (actions === undefined) actionsOf.set(name, [action])
      else actions.push(action)
    }
  }
  const groups = Map.groupBy(actionsOf.keys(), (name) => actionsOf.get(name)!.join())
  return [...groups.values()].map((names) => ({
    resource: 'repo',
    collection: canonicalNames(names),
    action: actionsOf.get(names[0]!)!,
  }))
}

function mergedRpc({ rpc }: Grant): Permission[] {
  const anywhere = rpc.get('*')
  return [...rpc.keys()].toSorted().flatMap((aud): Permission[] => {
    const names = canonicalNames([...rpc.get(aud)!])
    const lxm = aud === '*' ? names : names.filter((name) => !anywhere?.has(name))
    return lxm.length === 0 ? [] : [{ resource: 'rpc', lxm, aud }]
  })
}

function mergedRest({ blob, account, identity }: Grant): Permission[] {
  const merged: Permission[] = []
  if (blob.size > 0) merged.push({ resource: 'blob', accept: canonicalAccept([...blob]) })
  for (const attr of [...account.keys()].toSorted()) {
    merged.push({ resource: 'account', attr, action: account.get(attr)! })
  }
  if (identity.size > 0) merged.push({ resource: 'identity', attr: identity.has('*') ? '*' : 'handle' })
  return merged
}
