import type { Nsid } from '@avocet/syntax'

import type { RepoAction } from './scope.ts'

/** Names of one group: all that stands before the last dot of their NSIDs. `*` for all names of all groups. */
export type NameGroup = '*' | { readonly group: string; readonly nsids: readonly Nsid[] }

/** What one line of a consent page is about, as data: what an app needs to say it in another language. */
export type Subject =
  /** `atproto`. */
  | { readonly kind: 'sign-in' }
  /** `transition:generic`, with `transition:chat.bsky` or not. */
  | { readonly kind: 'app-password'; readonly chat: boolean }
  | { readonly kind: 'records'; readonly actions: readonly RepoAction[]; readonly names: NameGroup }
  /** `service` is the DID of the service and its id, or null for any service. */
  | { readonly kind: 'calls'; readonly service: ServiceName | null; readonly names: NameGroup }
  | { readonly kind: 'uploads'; readonly types: readonly string[] }
  | { readonly kind: 'email'; readonly manage: boolean }
  /** `account:repo`: to read it is open to everyone. */
  | { readonly kind: 'archive'; readonly manage: boolean }
  | { readonly kind: 'identity'; readonly whole: boolean }
  /** A permission set; title and detail are a stranger's text, in a language that was asked for where there is one. */
  | {
      readonly kind: 'set'
      readonly nsid: Nsid
      readonly title: string | null
      readonly detail: string | null
      /** What it gives, line by line; empty for a set that was not expanded. */
      readonly contents: readonly Description[]
    }

/** A service of a DID. */
export type ServiceName = { readonly did: string; readonly id: string }

/** One line of a consent page. */
export type Description = {
  readonly subject: Subject
  /** The line in plain English. Text, not markup: it may hold a stranger's words and has to be escaped as any other. */
  readonly text: string
  /**
   * How far it reaches: `critical` can take the account from its owner or replace its repository, `broad` is for all of a kind or
   * for what changes the account itself, `usual` is the rest.
   */
  readonly weight: 'usual' | 'broad' | 'critical'
}
