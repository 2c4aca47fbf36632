// Interleavings at random. Each run draws weights of its own and leaves kinds out ("swarm testing"), so that what is seldom in one
// is frequent in another; and it plays scenes: a state worth disturbing, and something that disturbs it.

import type { Action, Size } from './actions.ts'
import type { Random } from './random.ts'

/** The network of one interleaving. */
export function randomSize(random: Random): Size {
  const seldom = (): boolean => random.below(8) === 0
  return {
    accounts: random.pick([1, 2, 2, 2, 3, 4]),
    hosts: 2,
    relays: random.pick([1, 2]),
    direct: random.below(3) === 0,
    mirror: random.below(2) === 0,
    slots: random.pick([1, 2, 2]),
    backfill: !seldom(),
    check: !seldom(),
    archives: seldom(),
    live: random.below(4) === 0,
  }
}

type Maker = () => readonly Action[]

/** What happens in one interleaving: most are short, so that many are played. */
export function randomActions(random: Random, size: Size): Action[] {
  const maybe = (): boolean => random.below(2) === 0
  const favourite = random.below(size.accounts)
  const faithful = random.pick([1, 2, 4])
  const account = (): number => (random.below(faithful) > 0 ? favourite : random.below(size.accounts))
  const relay = (): number => random.below(size.relays)
  const sources = size.relays + (size.direct ? 1 : 0)
  const source = (): number => random.below(sources)
  const host = (): number => random.below(size.hosts)
  const moments = random.pick([
    [100, 1000, 5000, 20_000, 60_000],
    [50, 300, 1000, 3000],
    [1000, 10_000, 60_000],
  ])
  const ms = (): number => random.pick(moments)
  const long = (): number => random.pick([2000, 10_000, 60_000, 120_000])
  const wait = (time: number): Action => ({ do: 'wait', ms: time })
  const contents = size.archives ? ([undefined, undefined, 'list', 'large'] as const) : ([undefined] as const)
  const write = (who: number, damage?: 'too-big' | 'malformed' | 'dropped'): Action => {
    const content = random.pick(contents)
    return {
      do: 'write',
      account: who,
      record: random.below(6),
      ...(damage === undefined ? {} : { damage }),
      ...(content === undefined ? {} : { content }),
    }
  }
  const status = (who: number, word: string): Action => ({ do: 'status', account: who, status: word })
  const word = (): string => random.pick(['deactivated', 'active', 'active', 'takendown'])
  const lie = (who: number): Action => ({
    do: 'lie',
    account: who,
    relay: relay(),
    status: random.pick(['deactivated', 'active', 'takendown', 'deleted', 'deleted', 'throttled']),
  })
  const relays = Array.from({ length: sources }, (_, i) => i)
  const migrate = (who: number): Action => ({
    do: 'migrate',
    account: who,
    host: host(),
    announced: maybe(),
    ...random.pick([{}, { old: 'deactivated' }, { old: 'deleted' }] as const),
  })

  /** Something outside of the account goes wrong, or changes. */
  const troubles: readonly Maker[] = [
    () => [{ do: 'directory', mode: random.pick(['not-found', 'down'] as const), ms: long() }],
    () => [{ do: 'host-down', host: host(), ms: long() }],
    () => [{ do: 'host-slow', host: host(), ms: 300_000 }],
    () => [{ do: 'clock', host: host(), ms: 6 * 60_000 }],
    () => [{ do: 'lag', relay: source(), ms: random.pick([5000, 20_000, 60_000]) }],
    () => [{ do: 'handles-down', ms: long() }],
    () => [{ do: 'filter', wanted: random.below(3) }],
    () => [{ do: 'app-fails' }],
    () => (size.mirror ? [{ do: 'mirror', mode: random.pick(['fresh', 'stale', 'html'] as const) }] : []),
    () => relays.map((at) => ({ do: 'outage', relay: at, ms: random.pick([5000, 20_000]) })),
  ]
  /** Something happens to the account, or to the process. */
  const disturbances: readonly ((who: number) => readonly Action[])[] = [
    (who) => [status(who, 'deleted')],
    (who) => [
      status(who, random.pick(['deactivated', 'takendown'])),
      // The host is asked about it, and has to say so before it is over.
      wait(random.pick([50, 2000, 3000, 5000])),
      status(who, 'active'),
    ],
    (who) => [status(who, 'deactivated')],
    (who) => [lie(who)],
    (who) => [lie(who), wait(random.pick([50, 1000])), lie(who)],
    (who) => [
      { do: 'host-down', host: host(), ms: long() },
      random.below(2) === 0 ? lie(who) : status(who, random.pick(['deactivated', 'deleted'])),
    ],
    (who) => [write(who, random.pick(['too-big', 'malformed', 'dropped'] as const))],
    (who) => [{ do: 'rotate', account: who, announced: maybe() }],
    (who) => [
      { do: 'rotate', account: who, announced: true },
      wait(random.pick([300, 2000])),
      write(who),
      { do: 'rotate', account: who, announced: false },
    ],
    (who) => [migrate(who)],
    (who) => [{ do: 'rename', account: who }],
    (who) => [
      { do: 'local', account: who, status: 'hidden' },
      wait(ms()),
      { do: 'local', account: who, status: 'active' },
    ],
    () => [{ do: 'crash' }],
    () => relays.map((at) => ({ do: random.pick(['gap', 'reset'] as const), relay: at })),
    (who) => [
      ...relays.map((at): Action => ({ do: 'outage', relay: at, ms: 5000 })),
      write(who),
      ...relays.map((at): Action => ({ do: random.pick(['gap', 'reset'] as const), relay: at })),
    ],
    () => [{ do: 'list' }],
    (who) => [{ do: 'forget', account: who }],
    () => [{ do: 'filter', wanted: random.below(3) }],
  ]
  const scene: Maker = () => {
    const who = account()
    const others = Array.from({ length: size.accounts }, (_, i) => i).filter((other) => other !== who)
    const pause = (): Action => wait(random.pick([50, 300, 1000, 2000, 5000]))
    return [
      ...(maybe() ? [write(who), wait(random.pick([5000, 60_000]))] : []),
      ...(maybe() ? random.pick(troubles)() : []),
      // Repos that nobody knew of: they are read whole.
      ...(random.below(4) === 0 ? others.flatMap((other) => [write(other, 'dropped'), write(other)]) : []),
      // The next event shows that one is missing: the repo is read anew, a record a part.
      ...(maybe()
        ? [...Array.from({ length: random.below(5) + 1 }, () => write(who, 'dropped')), write(who), pause()]
        : []),
      ...(maybe() ? [...random.pick(disturbances)(who), pause()] : []),
      ...(maybe() ? [write(who), pause()] : []),
      ...(random.below(3) === 0 ? [...random.pick(disturbances)(who), pause(), write(who)] : []),
      ...(maybe() ? [wait(ms())] : []),
    ]
  }

  /** Others are read for the first time, slowly; meanwhile one that is followed has a gap. */
  const backlog: Maker = () => {
    const who = account()
    const others = Array.from({ length: size.accounts }, (_, i) => i).filter((other) => other !== who)
    return [
      write(who),
      wait(60_000),
      ...[0, 1].map((at): Action => ({ do: 'host-slow', host: at, ms: 600_000 })),
      ...others.flatMap((other) => [write(other, 'dropped'), write(other)]),
      wait(ms()),
      write(who, 'dropped'),
      write(who),
      wait(300_000),
    ]
  }

  const one =
    (make: () => Action): Maker =>
    () => [make()]
  const makers: readonly (readonly [weight: number, make: Maker])[] = [
    [20, one(() => write(account()))],
    [25, one(() => wait(ms()))],
    [random.pick([0, 10, 30]), scene],
    [random.pick([0, 0, 0, 10]), backlog],
    ...(
      [
        [4, one(() => write(account(), 'too-big'))],
        [3, one(() => write(account(), 'malformed'))],
        [4, one(() => write(account(), 'dropped'))],
        [3, one(() => ({ do: 'forge', account: account(), relay: relay() }))],
        [4, one(() => lie(account()))],
        [1, one(() => ({ do: 'status', account: account(), status: word(), silent: true }))],
        [5, one(() => status(account(), word()))],
        [1, one(() => status(account(), 'deleted'))],
        [
          3,
          one(() => ({
            do: 'local',
            account: account(),
            status: random.pick(['active', 'hidden'] as const),
          })),
        ],
        [3, one(() => ({ do: 'rotate', account: account(), announced: maybe() }))],
        [2, one(() => migrate(account()))],
        [2, one(() => ({ do: 'rename', account: account() }))],
        [2, one(() => ({ do: 'identity', account: account() }))],
        [1, one(() => ({ do: 'request', account: account() }))],
        [size.live ? 6 : 1, one(() => ({ do: 'forget', account: account() }))],
        [size.live ? 12 : 0, one(() => ({ do: 'filter', wanted: random.below(3) }))],
        [2, one(() => ({ do: 'gap', relay: source() }))],
        [1, one(() => ({ do: 'reset', relay: source() }))],
        [3, one(() => ({ do: 'cut', relay: source() }))],
        [2, one(() => ({ do: 'outage', relay: source(), ms: long() }))],
        [8, () => random.pick(troubles)()],
        [8, () => random.pick(disturbances)(account())],
        [3, one(() => ({ do: 'list' }))],
        [4, one(() => ({ do: 'crash' }))],
        [2, one(() => ({ do: 'stop' }))],
        [2, one(() => ({ do: 'app-fails' }))],
      ] satisfies [number, Maker][]
    ).map(([weight, make]) => [weight * random.pick([0, 0, 1, 1, 4]), make] as const),
  ]
  const total = makers.reduce((sum, [weight]) => sum + weight, 0)
  const length = random.pick([4, 8, 8, 12, 16, 40])
  const actions: Action[] = []
  while (actions.length < length) {
    let at = random.below(total)
    for (const [weight, make] of makers) {
      at -= weight
      if (at >= 0) continue
      actions.push(...make())
      break
    }
  }
  return actions
}
