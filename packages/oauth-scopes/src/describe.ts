import { nsidName, type Nsid } from '@avocet/syntax'

import { formatScope } from './format.ts'
import { addPermission, emptyGrant } from './grant.ts'
import { mergedPermissions } from './merge.ts'
import { setDetail, setTitle, type ExpandedSet } from './permission-set.ts'
import { isPermission, type IncludeScope, type Permission, type Scope } from './scope.ts'
import { sentence } from './sentences.ts'
import type { Description, NameGroup, ServiceName, Subject } from './subject.ts'

/** Options of {@link describeScopes}. */
export type DescribeOptions = {
  /** The expanded sets, for `include:` scopes among the scopes. */
  readonly sets?: readonly ExpandedSet[]
  /** Languages of the reader, the best first, for the titles of sets. */
  readonly languages?: readonly string[]
}

/**
 * What scopes give, line by line, from the whole to the single: permissions are put together first, so that the collections
 * and the methods of one group are one line. Together the lines say all that the scopes give.
 */
export function describeScopes(
  scopes: Iterable<Scope>,
  options: DescribeOptions = {},
): readonly Description[] {
  const all = new Map(Array.from(scopes, (scope) => [formatScope(scope), scope]))
  const grant = emptyGrant()
  const subjects: Subject[] = []
  if (all.has('atproto')) subjects.push({ kind: 'sign-in' })
  if (all.has('transition:generic')) {
    subjects.push({ kind: 'app-password', chat: all.has('transition:chat.bsky') })
  }
  for (const [text, scope] of all) {
    if (scope.resource === 'include') subjects.push(setSubject(scope, text, options))
    else if (isPermission(scope)) addPermission(grant, scope)
  }
  if (all.has('transition:email'))
    addPermission(grant, { resource: 'account', attr: 'email', action: 'read' })
  subjects.push(...mergedPermissions(grant).flatMap(subjectsOf))
  return subjects.map(describe)
}

function describe(subject: Subject): Description {
  return { subject, text: sentence(subject), weight: weightOf(subject) }
}

function setSubject(scope: IncludeScope, text: string, options: DescribeOptions): Subject {
  const set = options.sets?.find((candidate) => formatScope(candidate.scope) === text)
  const { nsid } = scope
  if (set === undefined) return { kind: 'set', nsid, title: null, detail: null, contents: [] }
  const title = setTitle(set, options.languages)
  const detail = setDetail(set, options.languages)
  return { kind: 'set', nsid, title, detail, contents: describeScopes(set.permissions) }
}

function subjectsOf(permission: Permission): Subject[] {
  switch (permission.resource) {
    case 'repo': {
      const { collection, action: actions } = permission
      return grouped(collection).map((names) => ({ kind: 'records', actions, names }))
    }
    case 'rpc': {
      const service = serviceName(permission.aud)
      return grouped(permission.lxm).map((names) => ({ kind: 'calls', service, names }))
    }
    case 'blob':
      return [{ kind: 'uploads', types: permission.accept }]
    case 'account': {
      const kind = permission.attr === 'email' ? 'email' : 'archive'
      return [{ kind, manage: permission.action === 'manage' }]
    }
    default:
      return [{ kind: 'identity', whole: permission.attr === '*' }]
  }
}

function grouped(names: readonly (Nsid | '*')[]): NameGroup[] {
  const nsids = names.filter((name) => name !== '*')
  if (nsids.length < names.length) return ['*']
  const groups = Map.groupBy(nsids, (nsid) => nsid.slice(0, -nsidName(nsid).length - 1))
  return [...groups].map(([group, members]) => ({ group, nsids: members }))
}

function serviceName(aud: string): ServiceName | null {
  if (aud === '*') return null
  const hash = aud.indexOf('#')
  return { did: aud.slice(0, hash), id: aud.slice(hash + 1) }
}

function weightOf(subject: Subject): Description['weight'] {
  switch (subject.kind) {
    case 'identity':
      return subject.whole ? 'critical' : 'broad'
    case 'archive':
      return subject.manage ? 'critical' : 'usual'
    case 'email':
      return subject.manage ? 'broad' : 'usual'
    case 'app-password':
      return 'broad'
    case 'records':
    case 'calls':
      return subject.names === '*' ? 'broad' : 'usual'
    default:
      return 'usual'
  }
}
