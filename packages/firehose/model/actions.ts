// What can happen in a simulation, as plain data: it can be made at random, written down, and cut short.

/** One thing that happens. Numbers name accounts, hosts, relays (and after them the host that is a source) and records by their place. */
export type Action =
  | {
      readonly do: 'write'
      readonly account: number
      readonly record: number
      readonly damage?: 'too-big' | 'malformed' | 'dropped'
      /** `list`: no record, though the tree holds it; `large`: the same large block for all who write it. */
      readonly content?: 'list' | 'large'
    }
  | { readonly do: 'forge'; readonly account: number; readonly relay: number }
  /** `silent`: no relay tells of it. */
  | { readonly do: 'status'; readonly account: number; readonly status: string; readonly silent?: true }
  /** A relay sends an `#account`, and lists the account so, that its host never said. */
  | { readonly do: 'lie'; readonly account: number; readonly relay: number; readonly status: string }
  /** What the operator of the consumer decides about an account. */
  | { readonly do: 'local'; readonly account: number; readonly status: 'active' | 'hidden' }
  | { readonly do: 'rotate'; readonly account: number; readonly announced: boolean }
  /** `old`: what the host before says of it from then on, where it is a source; without, as after "deactivated". */
  | {
      readonly do: 'migrate'
      readonly account: number
      readonly host: number
      readonly announced: boolean
      readonly old?: 'deactivated' | 'deleted'
    }
  | { readonly do: 'rename'; readonly account: number }
  | { readonly do: 'identity'; readonly account: number }
  /** The operator wants the repo read. */
  | { readonly do: 'request'; readonly account: number }
  /** Events are lost: the relay keeps only what comes from now on. */
  | { readonly do: 'gap'; readonly relay: number }
  /** The relay is restored and numbers anew. */
  | { readonly do: 'reset'; readonly relay: number }
  | { readonly do: 'cut'; readonly relay: number }
  /** The relay cannot be reached. */
  | { readonly do: 'outage'; readonly relay: number; readonly ms: number }
  | { readonly do: 'lag'; readonly relay: number; readonly ms: number }
  | { readonly do: 'directory'; readonly mode: 'not-found' | 'down'; readonly ms: number }
  /** Handles cannot be looked up. */
  | { readonly do: 'handles-down'; readonly ms: number }
  | { readonly do: 'host-down'; readonly host: number; readonly ms: number }
  /** The host takes a minute or two until an export begins. */
  | { readonly do: 'host-slow'; readonly host: number; readonly ms: number }
  | { readonly do: 'clock'; readonly host: number; readonly ms: number }
  | { readonly do: 'mirror'; readonly mode: 'fresh' | 'stale' | 'html' }
  | { readonly do: 'list' }
  | { readonly do: 'crash' }
  /** The consumer is closed in order, and started again. */
  | { readonly do: 'stop' }
  /** Other collections are wanted: from the next start on, or at once (see `Size.live`). */
  | { readonly do: 'filter'; readonly wanted: number }
  /** The consumer and the app forget a repo; a list may name it again. */
  | { readonly do: 'forget'; readonly account: number }
  | { readonly do: 'app-fails' }
  /** A row of the app goes by itself: a fault of nobody, to see that it is noticed. Never at random. */
  | { readonly do: 'lose-row'; readonly account: number }
  | { readonly do: 'wait'; readonly ms: number }

/** How large a simulated network is, and what the consumer has. */
export type Size = {
  readonly accounts: number
  readonly hosts: number
  readonly relays: number
  /** The first host is a source too. */
  readonly direct: boolean
  readonly mirror: boolean
  /** Repos read at a time. */
  readonly slots: number
  /** Repos can be read anew; without, the consumer goes on from where it is and says so. */
  readonly backfill: boolean
  /** Hosts can be asked for the newest rev. */
  readonly check: boolean
  /** Repos are read from real archives by `createResync`, with trees and signatures; else from lists, which is quicker. */
  readonly archives: boolean
  /** The app chooses by itself what it wants, and may choose anew while it runs. */
  readonly live: boolean
}

/** Two accounts on two hosts, one relay, everything there. */
export const USUAL_SIZE: Size = {
  accounts: 2,
  hosts: 2,
  relays: 1,
  direct: false,
  mirror: false,
  slots: 2,
  backfill: true,
  check: true,
  archives: false,
  live: false,
}
