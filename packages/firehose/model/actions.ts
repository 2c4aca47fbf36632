// What can happen in a simulation, as plain data: it can be made at random, written down, and cut short.

import type { Random } from './random.ts'

/** One thing that happens. Numbers name accounts, hosts, relays and records by their place. */
export type Action =
  | {
      readonly do: 'write'
      readonly account: number
      readonly record: number
      readonly damage?: 'too-big' | 'malformed' | 'dropped'
    }
  | { readonly do: 'forge'; readonly account: number; readonly relay: number }
  | { readonly do: 'status'; readonly account: number; readonly status: string }
  | { readonly do: 'rotate'; readonly account: number; readonly announced: boolean }
  | { readonly do: 'migrate'; readonly account: number; readonly host: number; readonly announced: boolean }
  | { readonly do: 'identity'; readonly account: number }
  /** Events are lost: the relay keeps only what comes from now on. */
  | { readonly do: 'gap'; readonly relay: number }
  /** The relay is restored and numbers anew. */
  | { readonly do: 'reset'; readonly relay: number }
  | { readonly do: 'cut'; readonly relay: number }
  | { readonly do: 'lag'; readonly relay: number; readonly ms: number }
  | { readonly do: 'directory'; readonly mode: 'not-found' | 'down'; readonly ms: number }
  | { readonly do: 'host-down'; readonly host: number; readonly ms: number }
  | { readonly do: 'clock'; readonly host: number; readonly ms: number }
  | { readonly do: 'mirror'; readonly mode: 'fresh' | 'stale' | 'html' }
  | { readonly do: 'list' }
  | { readonly do: 'crash' }
  | { readonly do: 'filter'; readonly wanted: number }
  | { readonly do: 'app-fails' }
  /** A row of the app goes by itself: a fault of nobody, to see that it is noticed. Never at random. */
  | { readonly do: 'lose-row'; readonly account: number }
  | { readonly do: 'wait'; readonly ms: number }

/** How large a simulated network is. */
export type Size = {
  readonly accounts: number
  readonly hosts: number
  readonly relays: number
  readonly mirror: boolean
}

/** So many actions at random. */
export function randomActions(random: Random, count: number, size: Size): Action[] {
  const account = (): number => random.below(size.accounts)
  const relay = (): number => random.below(size.relays)
  const host = (): number => random.below(size.hosts)
  const ms = (): number => random.pick([100, 1000, 5000, 20_000, 60_000])
  const yes = (): boolean => random.below(2) === 0
  const makers: readonly (readonly [weight: number, make: () => Action])[] = [
    [30, () => ({ do: 'write', account: account(), record: random.below(6) })],
    [4, () => ({ do: 'write', account: account(), record: random.below(6), damage: 'too-big' })],
    [3, () => ({ do: 'write', account: account(), record: random.below(6), damage: 'malformed' })],
    [2, () => ({ do: 'write', account: account(), record: random.below(6), damage: 'dropped' })],
    [3, () => ({ do: 'forge', account: account(), relay: relay() })],
    [
      5,
      () => ({
        do: 'status',
        account: account(),
        status: random.pick(['deactivated', 'active', 'active', 'takendown']),
      }),
    ],
    [1, () => ({ do: 'status', account: account(), status: 'deleted' })],
    [3, () => ({ do: 'rotate', account: account(), announced: yes() })],
    [2, () => ({ do: 'migrate', account: account(), host: host(), announced: yes() })],
    [2, () => ({ do: 'identity', account: account() })],
    [2, () => ({ do: 'gap', relay: relay() })],
    [1, () => ({ do: 'reset', relay: relay() })],
    [3, () => ({ do: 'cut', relay: relay() })],
    [3, () => ({ do: 'lag', relay: relay(), ms: ms() })],
    [2, () => ({ do: 'directory', mode: random.pick(['not-found', 'down'] as const), ms: ms() })],
    [3, () => ({ do: 'host-down', host: host(), ms: ms() })],
    [1, () => ({ do: 'clock', host: host(), ms: 6 * 60_000 })],
    [size.mirror ? 2 : 0, () => ({ do: 'mirror', mode: random.pick(['fresh', 'stale', 'html'] as const) })],
    [2, () => ({ do: 'list' })],
    [4, () => ({ do: 'crash' })],
    [1, () => ({ do: 'filter', wanted: random.below(3) })],
    [2, () => ({ do: 'app-fails' })],
    [25, () => ({ do: 'wait', ms: ms() })],
  ]
  const total = makers.reduce((sum, [weight]) => sum + weight, 0)
  return Array.from({ length: count }, () => {
    let at = random.below(total)
    for (const [weight, make] of makers) {
      at -= weight
      if (at < 0) return make()
    }
    return { do: 'wait', ms: 1000 }
  })
}
