// https://atproto.com/specs/permission#scope-string-syntax

import { canonicalScope } from './canonical.ts'
import { readMediaType } from './media-type.ts'
import { REPO_ACTIONS, type Need, type Scope } from './scope.ts'

/**
 * The one canonical text of a scope: what has a single value behind the colon, parameters in the order of the specification,
 * values in order and once each, nothing that is the default, and only what must be percent-encoded so.
 */
export function formatScope(given: Scope): string {
  const scope = canonicalScope(given)
  switch (scope.resource) {
    case 'atproto':
      return 'atproto'
    case 'transition':
      return `transition:${scope.name}`
    case 'repo': {
      const actions = scope.action.length === REPO_ACTIONS.length ? [] : scope.action
      return format('repo', 'collection', scope.collection, 'action', actions)
    }
    case 'rpc':
      return format('rpc', 'lxm', scope.lxm, 'aud', [scope.aud])
    case 'blob':
      return format('blob', 'accept', scope.accept)
    case 'account':
      return format('account', 'attr', [scope.attr], 'action', scope.action === 'read' ? [] : [scope.action])
    case 'identity':
      return format('identity', 'attr', [scope.attr])
    default:
      return format('include', 'nsid', [scope.nsid], 'aud', scope.aud === undefined ? [] : [scope.aud])
  }
}

/** Scopes as one text: each in its canonical form and once, in the order of their characters. */
export function formatScopes(scopes: Iterable<Scope>): string {
  return [...new Set(Array.from(scopes, formatScope))].toSorted().join(' ')
}

/** The narrowest scope that covers a need, to name it to those who lack it. */
export function neededScope(need: Need): string {
  switch (need.resource) {
    case 'repo':
      return format('repo', 'collection', [need.collection], 'action', [need.action])
    case 'rpc':
      return format('rpc', 'lxm', [need.lxm], 'aud', [need.aud])
    case 'blob':
      return format('blob', 'accept', [readMediaType(need.mime) ?? need.mime])
    default:
      return formatScope(need)
  }
}

function format(
  resource: string,
  name: string,
  values: readonly string[],
  otherName = '',
  others: readonly string[] = [],
): string {
  const head = values.length === 1 ? `${resource}:${encode(values[0]!).replaceAll('%2B', '+')}` : resource
  const params = [
    ...(values.length === 1 ? [] : values.map((value) => `${name}=${encode(value)}`)),
    ...others.map((value) => `${otherName}=${encode(value)}`),
  ]
  return params.length === 0 ? head : `${head}?${params.join('&')}`
}

/** A plus stays encoded among parameters, where some readers take it for a space. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll('%3A', ':').replaceAll('%2F', '/')
}
