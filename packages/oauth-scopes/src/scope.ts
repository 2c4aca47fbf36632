// https://atproto.com/specs/permission#resource-types

import type { Nsid } from '@avocet/syntax'

/** What can be done to a record. */
export type RepoAction = 'create' | 'update' | 'delete'
/** A part of the hosting account. */
export type AccountAttr = 'email' | 'repo'
/** `manage` includes `read`. */
export type AccountAction = 'read' | 'manage'
/** A part of the account's identity; `*` is all of it, the handle too. */
export type IdentityAttr = 'handle' | '*'
/** The scopes that stand for what passwords gave before there were finer ones. */
export type TransitionName = 'generic' | 'email' | 'chat.bsky'

/** Writing records: each of the collections (NSIDs, or `*` alone for all) by each of the actions. Never empty. */
export type RepoPermission = {
  readonly resource: 'repo'
  readonly collection: readonly (Nsid | '*')[]
  readonly action: readonly RepoAction[]
}
/** Calling other services in the account's name: each of the methods (NSIDs, or `*` alone for all) of one audience. */
export type RpcPermission = {
  readonly resource: 'rpc'
  readonly lxm: readonly (Nsid | '*')[]
  /** A DID service reference (`did:web:api.example.com#svc`), or `*` for any service; never beside `lxm` `*`. */
  readonly aud: string
}
/** Uploading blobs: media types and patterns in lower case, `image/png`, `image/*` or all. */
export type BlobPermission = { readonly resource: 'blob'; readonly accept: readonly string[] }
/** Access to the hosting account. */
export type AccountPermission = {
  readonly resource: 'account'
  readonly attr: AccountAttr
  readonly action: AccountAction
}
/** Control of the account's identity. */
export type IdentityPermission = { readonly resource: 'identity'; readonly attr: IdentityAttr }

/** What gives access by itself. */
export type Permission =
  | RepoPermission
  | RpcPermission
  | BlobPermission
  | AccountPermission
  | IdentityPermission

/** A permission set by its name; gives nothing until it is expanded. `aud` is for the methods that inherit it. */
export type IncludeScope = { readonly resource: 'include'; readonly nsid: Nsid; readonly aud?: string }
/** `transition:generic` and its like. */
export type TransitionScope = { readonly resource: 'transition'; readonly name: TransitionName }
/** `atproto`, without which nothing is granted. */
export type AtprotoScope = { readonly resource: 'atproto' }

/** One scope, understood. */
export type Scope = Permission | IncludeScope | TransitionScope | AtprotoScope

/** One thing that somebody is about to do, to ask a scope set about. */
export type Need =
  | { readonly resource: 'repo'; readonly collection: string; readonly action: RepoAction }
  /** `aud` as `did#service`, or a bare DID, which only an audience of `*` covers. */
  | { readonly resource: 'rpc'; readonly lxm: string; readonly aud: string }
  /** A media type; its parameters, if it has some, do not count. */
  | { readonly resource: 'blob'; readonly mime: string }
  | { readonly resource: 'account'; readonly attr: AccountAttr; readonly action: AccountAction }
  | { readonly resource: 'identity'; readonly attr: IdentityAttr }

/** All actions, in the order in which they are printed. */
export const REPO_ACTIONS: readonly RepoAction[] = ['create', 'update', 'delete']

/** Whether a scope gives access by itself. */
export function isPermission(scope: Scope): scope is Permission {
  return scope.resource !== 'atproto' && scope.resource !== 'transition' && scope.resource !== 'include'
}
