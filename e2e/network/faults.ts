// What goes wrong in the network, in turn, while accounts write.

import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../simulated/people.ts'
import type { Mischief } from './spoil.ts'
import type { Subscriber } from './subscribers/subscriber.ts'
import type { Host, World } from './world.ts'

/** What a fault may touch. */
type Scene = {
  readonly world: World
  readonly mischief: Mischief
  readonly subscribers: readonly Subscriber[]
  readonly random: Random
  /** How long it lasts, ms. */
  readonly ms: number
}
type Fault = (scene: Scene) => Promise<void>

const someHost = ({ world, random }: Scene): Host => world.hosts[random(world.hosts.length)]!

const withMischief =
  (more: Partial<Mischief>): Fault =>
  async ({ mischief, ms }) => {
    Object.assign(mischief, more)
    await delay(ms)
    Object.assign(mischief, { lossy: 0, spoiled: 0, forged: 0 })
  }

/** All faults but the kills of the indexer, by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'frames lost': withMischief({ lossy: 3 }),
  'frames spoiled': withMischief({ spoiled: 3 }),
  'frames forged': withMischief({ forged: 15 }),
  'frames lost, spoiled, forged': withMischief({ lossy: 1, spoiled: 1, forged: 5 }),
  // It follows its PDSes on when it is back.
  async 'relay away'({ world, ms }) {
    await world.relay.stop()
    await delay(ms)
    await world.relay.start()
  },
  async 'relay numbers anew, cut'({ world, random, ms }) {
    world.relay.renumber(1 + random(1000), true)
    await delay(ms)
  },
  async 'relay numbers anew, uncut'({ world, random, ms }) {
    world.relay.renumber(1 + random(1000), false)
    await delay(ms)
  },
  async 'PDS killed'(scene) {
    const host = someHost(scene)
    await host.kill()
    await delay(scene.ms)
    await host.start()
  },
  // Its events come all the same, by the relay.
  async 'PDS out of reach'(scene) {
    const { front } = someHost(scene)
    front.dark(true)
    await delay(scene.ms)
    front.dark(false)
  },
  'directory killed': ({ world, ms }) => world.restartDirectory(ms),
  async 'subscribers begin anew'({ subscribers, ms }) {
    await Promise.all(subscribers.map((subscriber) => subscriber.restart()))
    await delay(ms)
  },
}

/** What happened how often. */
export type FaultFigures = { readonly counts: ReadonlyMap<string, number>; readonly kills: number }

/**
 * Lets it all happen for so long: one fault after the other, and beside them kills of the indexer.
 * @throws Error when a process does not come back
 */
export async function runFaults(options: {
  readonly world: World
  readonly mischief: Mischief
  readonly subscribers: readonly Subscriber[]
  readonly random: Random
  readonly ms: number
  /** Between two kills of the indexer. */
  readonly killEveryMs: number
}): Promise<FaultFigures> {
  const { world, random, ms, killEveryMs } = options
  const until = performance.now() + ms
  let failed = false
  const isOver = (): boolean => performance.now() >= until || failed
  const counts = new Map<string, number>()
  const note = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
  const names = Object.keys(FAULTS)
  // Each of them at least once; a minute for all of them in a long run.
  const turn = Math.min(ms, 90_000) / (names.length + 1)
  let kills = 0

  const weather = async (): Promise<void> => {
    // In another order in each round.
    while (!isOver()) {
      const order = names.map((name) => ({ name, by: random(1e6) })).toSorted((a, b) => a.by - b.by)
      for (const { name } of order) {
        if (isOver()) return
        note(name)
        await FAULTS[name]!({ ...options, ms: turn * 0.4 })
        await delay(turn * 0.2)
      }
    }
  }
  const killing = async (): Promise<void> => {
    for (;;) {
      await delay(killEveryMs * (0.8 + random(40) / 100))
      if (isOver()) return
      kills++
      await world.indexer.kill()
      if (kills % 3 === 2) {
        // What comes meanwhile is not kept for it.
        await delay(1000)
        world.relay.forget()
        note('relay forgets')
      }
      await delay(random(1500))
      await world.indexer.start()
    }
  }
  const both = [weather(), killing()].map((one) =>
    one.catch((error: unknown) => {
      failed = true
      throw error
    }),
  )
  await Promise.allSettled(both)
  await Promise.all(both)
  return { counts, kills }
}
