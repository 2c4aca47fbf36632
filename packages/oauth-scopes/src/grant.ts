// What permissions give together, as tables to look things up in.

import type { Nsid } from '@avocet/syntax'

import { acceptsAll, readMediaType } from './media-type.ts'
import {
  REPO_ACTIONS,
  type AccountAction,
  type AccountAttr,
  type IdentityAttr,
  type Need,
  type Permission,
  type RepoAction,
} from './scope.ts'

type Name = Nsid | '*'

/** All that some permissions give. Made with {@link emptyGrant} and {@link addPermission}. */
export type Grant = {
  /** Collections by what may be done to their records. */
  readonly repo: ReadonlyMap<RepoAction, Set<Name>>
  /** Methods by audience. */
  readonly rpc: Map<string, Set<Name>>
  readonly blob: Set<string>
  readonly account: Map<AccountAttr, AccountAction>
  readonly identity: Set<IdentityAttr>
  /** Whether `transition:generic` is among them: all records, all blobs, all methods but those of private messages. */
  readonly generic: boolean
  /** Whether `transition:chat.bsky` is: methods of private messages, which need `generic` too. */
  readonly chat: boolean
}

/** A grant of nothing but what the two transition scopes give. */
export function emptyGrant(generic = false, chat = false): Grant {
  return {
    repo: new Map(REPO_ACTIONS.map((action) => [action, new Set<Name>()])),
    rpc: new Map(),
    blob: new Set(),
    account: new Map(),
    identity: new Set(),
    generic,
    chat: generic && chat,
  }
}

/** Adds a permission. One for any method of any service, which no text can ask for, adds nothing. */
export function addPermission(grant: Grant, permission: Permission): void {
  switch (permission.resource) {
    case 'repo':
      for (const action of permission.action) {
        const names = grant.repo.get(action)
        for (const name of permission.collection) names?.add(name)
      }
      return
    case 'rpc': {
      const { aud, lxm } = permission
      const names = grant.rpc.get(aud) ?? new Set<Name>()
      grant.rpc.set(aud, names)
      for (const name of lxm) if (name !== '*' || aud !== '*') names.add(name)
      return
    }
    case 'blob':
      for (const pattern of permission.accept) grant.blob.add(pattern)
      return
    case 'account':
      if (grant.account.get(permission.attr) !== 'manage') {
        grant.account.set(permission.attr, permission.action)
      }
      return
    default:
      grant.identity.add(permission.attr)
  }
}

/** Whether a grant covers one need. */
export function allowsNeed(grant: Grant, need: Need): boolean {
  switch (need.resource) {
    case 'repo':
      return allowsRepo(grant, need.collection, need.action)
    case 'rpc':
      return allowsRpc(grant, need.lxm, need.aud)
    case 'blob': {
      const type = readMediaType(need.mime)
      return type !== null && allowsBlob(grant, type)
    }
    case 'account':
      return allowsAccount(grant, need.attr, need.action)
    case 'identity':
      return allowsIdentity(grant, need.attr)
    default:
      return false
  }
}

/** Whether a grant covers all that a permission gives. */
export function coversPermission(grant: Grant, permission: Permission): boolean {
  return atoms(permission).every((atom) => coversAtom(grant, atom))
}

/** Whether a grant covers what one atom gives. */
function coversAtom(grant: Grant, atom: Permission): boolean {
  switch (atom.resource) {
    case 'repo':
      return allowsRepo(grant, atom.collection[0]!, atom.action[0]!)
    case 'rpc':
      return allowsRpc(grant, atom.lxm[0]!, atom.aud)
    case 'blob':
      return allowsBlob(grant, atom.accept[0]!)
    case 'account':
      return allowsAccount(grant, atom.attr, atom.action)
    default:
      return allowsIdentity(grant, atom.attr)
  }
}

/** A permission as permissions of one name each, which together give the same. */
export function atoms(permission: Permission): readonly Permission[] {
  switch (permission.resource) {
    case 'repo':
      return permission.collection.flatMap((name) =>
        permission.action.map((action) => ({ ...permission, collection: [name], action: [action] })),
      )
    case 'rpc':
      return permission.lxm.map((name) => ({ ...permission, lxm: [name] }))
    case 'blob':
      return permission.accept.map((pattern) => ({ ...permission, accept: [pattern] }))
    default:
      return [permission]
  }
}

function allowsRepo({ repo, generic }: Grant, collection: string, action: RepoAction): boolean {
  const names: ReadonlySet<string> | undefined = repo.get(action)
  return names !== undefined && (generic || names.has(collection) || names.has('*'))
}

const CHAT = 'chat.bsky.'

function allowsRpc({ rpc, generic, chat }: Grant, lxm: string, aud: string): boolean {
  const names: ReadonlySet<string> | undefined = rpc.get(aud)
  if (names?.has(lxm) || names?.has('*')) return true
  if ((rpc.get('*') as ReadonlySet<string> | undefined)?.has(lxm)) return true
  // Services may take the names of methods without regard to case, so private messages are shut in any.
  return chat || (generic && lxm !== '*' && !lxm.toLowerCase().startsWith(CHAT))
}

function allowsBlob({ blob, generic }: Grant, pattern: string): boolean {
  return generic || acceptsAll(blob, pattern)
}

function allowsAccount({ account }: Grant, attr: AccountAttr, action: AccountAction): boolean {
  const given = account.get(attr)
  return given !== undefined && (given === 'manage' || given === action)
}

function allowsIdentity({ identity }: Grant, attr: IdentityAttr): boolean {
  return identity.has(attr) || identity.has('*')
}
