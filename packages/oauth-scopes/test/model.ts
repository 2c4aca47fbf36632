// What scopes allow, said as slowly and as plainly as it can be: each scope by itself, no tables.
import type { Need, Scope } from '../src/index.ts'

/** Whether a list of scopes allows a need. */
export function modelAllows(scopes: readonly Scope[], need: Need): boolean {
  const has = (name: string): boolean =>
    scopes.some((scope) => scope.resource === 'transition' && scope.name === name)
  if (!scopes.some(({ resource }) => resource === 'atproto')) return false
  if (scopes.some((scope) => gives(scope, need))) return true
  if (has('email') && need.resource === 'account') return need.attr === 'email' && need.action === 'read'
  if (!has('generic')) return false
  if (need.resource === 'repo') return true
  if (need.resource === 'blob') return isMediaType(need.mime)
  return need.resource === 'rpc' && (has('chat.bsky') || !isChat(need.lxm))
}

/** `*` is any method, those of private messages too. */
const isChat = (lxm: string): boolean => lxm === '*' || /^chat\.bsky\./i.test(lxm)
const essence = (mime: string): string => mime.split(';')[0]!.trim().toLowerCase()
const isMediaType = (mime: string): boolean => /^[^/*]+\/[^/*]+$/.test(essence(mime))

function gives(scope: Scope, need: Need): boolean {
  if (scope.resource === 'repo' && need.resource === 'repo') {
    const isNamed = scope.collection.some((name) => name === '*' || name === need.collection)
    return isNamed && scope.action.includes(need.action)
  }
  if (scope.resource === 'rpc' && need.resource === 'rpc') {
    const isNamed = scope.lxm.some((name) => name === '*' || name === need.lxm)
    return isNamed && (scope.aud === '*' || scope.aud === need.aud)
  }
  if (scope.resource === 'blob' && need.resource === 'blob') {
    const type = essence(need.mime)
    const takes = (pattern: string): boolean =>
      pattern === '*/*' || pattern === type || pattern === `${type.split('/')[0]}/*`
    return isMediaType(need.mime) && scope.accept.some(takes)
  }
  if (scope.resource === 'account' && need.resource === 'account') {
    return scope.attr === need.attr && (scope.action === 'manage' || need.action === 'read')
  }
  if (scope.resource === 'identity' && need.resource === 'identity') {
    return scope.attr === '*' || scope.attr === need.attr
  }
  return false
}
