// https://atproto.com/specs/permission#permission-sets
import { isNsid } from '@avocet/syntax'
import type { LexiconPermission } from './document.ts'
import type { PermissionSet } from './schema.ts'

/** A permission that a set grants. */
export type GrantedPermission =
  | {
      readonly resource: 'repo'
      readonly collection: readonly string[]
      readonly action: readonly ('create' | 'update' | 'delete')[]
    }
  | {
      readonly resource: 'rpc'
      readonly lxm: readonly string[]
      /** A DID service reference (`did:web:api.example.com#svc`), or `*`. */
      readonly aud: string
    }

/** What a permission set grants, and which of its permissions do not count, and why. */
export type EffectivePermissions = {
  readonly granted: readonly GrantedPermission[]
  readonly ignored: readonly { readonly index: number; readonly reason: string }[]
}

const ACTIONS = ['create', 'update', 'delete'] as const
const REPO_FIELDS = new Set(['type', 'description', 'resource', 'collection', 'action'])
const RPC_FIELDS = new Set(['type', 'description', 'resource', 'lxm', 'aud', 'inheritAud'])

/**
 * What a permission set grants. Permissions that are not understood wholly (another resource, another field), that
 * reach beyond the set's own namespace, or that use wildcards where a set may not, are ignored, as the specification
 * demands.
 *
 * @param aud the audience of the `include:` scope, for permissions that inherit it
 */
export function effectivePermissions(set: PermissionSet, aud?: string): EffectivePermissions {
  const granted: GrantedPermission[] = []
  const ignored: { index: number; reason: string }[] = []
  const namespace = set.nsid.slice(0, set.nsid.lastIndexOf('.') + 1)
  set.permissions.forEach((permission, index) => {
    const result = read(permission, namespace, aud)
    if (typeof result === 'string') ignored.push({ index, reason: result })
    else granted.push(result)
  })
  return { granted, ignored }
}

function read(
  permission: LexiconPermission,
  namespace: string,
  aud: string | undefined,
): GrantedPermission | string {
  const within = (nsids: unknown): nsids is string[] =>
    Array.isArray(nsids) &&
    nsids.length > 0 &&
    nsids.every((nsid: unknown) => isNsid(nsid) && nsid.startsWith(namespace))
  const fields = permission.resource === 'repo' ? REPO_FIELDS : RPC_FIELDS
  if (permission.resource !== 'repo' && permission.resource !== 'rpc') return 'an unknown resource'
  const unknown = Object.keys(permission).find((field) => !fields.has(field))
  if (unknown !== undefined) return `an unknown field: ${unknown.slice(0, 80)}`
  if (permission.resource === 'repo') {
    const { collection, action = ACTIONS } = permission as { collection?: unknown; action?: unknown }
    if (!within(collection)) return `collections beyond ${namespace}*`
    if (!Array.isArray(action) || action.length === 0) return 'no action'
    const actions = ACTIONS.filter((name) => action.includes(name))
    if (actions.length !== new Set(action).size) return 'an unknown action'
    return { resource: 'repo', collection, action: actions }
  }
  const { lxm, inheritAud = false } = permission as { lxm?: unknown; inheritAud?: unknown }
  const own = (permission as { aud?: unknown }).aud
  if (!within(lxm)) return `methods beyond ${namespace}*`
  if (inheritAud === true) {
    if (own !== undefined) return 'both aud and inheritAud'
    return aud === undefined ? 'no audience to inherit' : { resource: 'rpc', lxm, aud }
  }
  return own === '*' && inheritAud === false ? { resource: 'rpc', lxm, aud: '*' } : 'an audience other than *'
}
