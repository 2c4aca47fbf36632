// One interleaving: a consumer on a simulated network, a list of actions, and the question whether what it says is true.

import type { Did, Tid } from '@avocet/syntax'
import type { Action, Size } from './actions.ts'
import { createApp } from './app.ts'
import { createClock } from './clock.ts'
import { compare, type Difference } from './compare.ts'
import { createNetwork } from './network.ts'
import { type Choice, type Process, startProcess, type Trace, wantedBy } from './process.ts'
import { createQueueWatch } from './queue-watch.ts'
import { createRandom } from './random.ts'
import type { Relay } from './relays.ts'
import { createStatusWatch } from './status-watch.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
const MINUTE = 60_000
/** The filter that all others want more than. */
const NARROW = 1

/**
 * Plays the actions and lets everything come to rest. First what is said must be true: whoever is `synchronized` and not known in
 * part is equal to the truth, and nobody was hidden, shown or purged on the way whose host never said so. Then, after the lists were read, all must be equal and synchronized.
 */
export async function simulate(
  seed: number,
  size: Size,
  actions: readonly Action[],
  trace?: Trace,
): Promise<Difference | null> {
  const clock = createClock(START)
  const network = createNetwork(clock, size)
  const random = createRandom(seed)
  const app = createApp()
  const queueWatch = createQueueWatch(app, network, clock)
  const statusWatch = createStatusWatch(app, network, clock)
  // Of these an event was withheld, and no list has told of it yet: nobody can know.
  const withheld = new Set<Did>()
  // Of these one ever was: who forgets the account forgets what a list told of it.
  const unsaid = new Set<Did>()
  const withhold = ({ did }: { readonly did: Did }): void => {
    withheld.add(did)
    unsaid.add(did)
  }
  // Of these the operator decided something; a crash may have overtaken that.
  const hidden = new Set<number>()
  const choice: Choice = { filter: 0, label: 'choice 0' }
  let choices = 0
  let faults = 0
  const start = (): Process =>
    startProcess({
      clock,
      network,
      random,
      app,
      queueWatch,
      statusWatch,
      size,
      choice,
      began: START,
      onFault: () => faults++,
      trace,
    })
  let process = start()

  const restart = (): void => {
    process.kill()
    for (const relay of network.relays) relay.listener = null
    process = start()
  }

  /** Whose list that of a host counts as: its own, where it is a source. */
  const sourceOf = (host: number): string =>
    (network.relays.find((relay) => relay.host === host) ?? network.relays[0]!).id

  /** Reads the lists of all relays, as they are now, and of some hosts (or of all). */
  const list = (all = false): void => {
    const at = clock.now()
    const { consumer } = process
    const report = (did: Did, rev: Tid | null, status: string, own: boolean, source: string): void => {
      // The answer is on its way for a while, and each entry is looked at in its turn.
      clock.after(random.below(3000), () => {
        const isTrue = (): boolean => {
          const account = network.byDid.get(did)!
          return account.rev === rev && account.status === status
        }
        consumer.reportListed({ did, rev, status, own, source, at }).then(
          // What a process that was killed heard nobody knows.
          () => consumer === process.consumer && isTrue() && withheld.delete(did),
          () => {},
        )
      })
    }
    for (const { id, known } of network.relays) {
      for (const [did, { rev, status }] of known) report(did, rev, status, false, id)
    }
    for (const [index, { downUntil }] of network.hosts.entries()) {
      if (downUntil > at || (random.below(2) === 0 && !all)) continue
      for (const { did, host, rev, status } of network.accounts) {
        if (host === index && rev !== null) report(did, rev, status, true, sourceOf(index))
      }
    }
    clock.after(5000, () => {
      consumer.confirmRest().catch(() => {})
    })
  }

  /** Where more is wanted than before all is read anew; what is wanted no more only goes. */
  const choose = (filter: number): void => {
    const isMore = NARROW !== filter
    choice.filter = filter
    if (!size.live) return restart()
    app.wanted = wantedBy(filter)
    app.narrow()
    if (!isMore) return
    choice.label = `choice ${++choices}`
    process.consumer.refilter().catch(() => {})
  }

  const hide = (account: number, status: 'active' | 'hidden'): void => {
    hidden.add(account)
    process.consumer.setLocalStatus(network.accounts[account]!.did, status).catch(() => {})
  }

  /** What the relay had is not kept; it goes on with `seq`. */
  const forget = (relay: Relay, seq: number): void => {
    relay.seq = seq
    relay.oldest = seq + 1
    relay.log = []
    relay.listener?.('cut')
  }

  const act = async (action: Action): Promise<void> => {
    trace?.(clock.now() - START, null, JSON.stringify(action))
    switch (action.do) {
      case 'write':
        if (action.damage === 'dropped') withhold(network.accounts[action.account]!)
        return network.write(action)
      case 'forge':
        return network.forge(network.accounts[action.account]!, network.relays[action.relay]!)
      case 'lie':
        return network.lie(network.accounts[action.account]!, network.relays[action.relay]!, action.status)
      case 'status': {
        const account = network.accounts[action.account]!
        if (action.silent === true) withhold(account)
        return network.setStatus(account, action.status, action.silent === true)
      }
      case 'local':
        return hide(action.account, action.status)
      case 'rotate':
      case 'migrate': {
        const account = network.accounts[action.account]!
        if (action.do === 'rotate') account.key++
        else network.move(account, action.host, action.old)
        account.published = account.key
        account.publishedHost = account.host
        return action.announced ? network.tellIdentity(account) : undefined
      }
      case 'rename':
        return network.rename(network.accounts[action.account]!)
      case 'identity':
        return network.tellIdentity(network.accounts[action.account]!)
      case 'request':
        process.consumer.requestResync(network.accounts[action.account]!.did).catch(() => {})
        return
      case 'gap': {
        const relay = network.relays[action.relay]!
        // So far that whoever reads on has lost something, or cannot know that it has not.
        return forget(relay, relay.seq + 10)
      }
      case 'reset': {
        const relay = network.relays[action.relay]!
        // As a restored server should: it leaves a margin, but below what it had sent.
        return forget(relay, Math.max(0, 9000 - 1000 * relay.resets++))
      }
      case 'cut':
        return network.relays[action.relay]!.listener?.('cut')
      case 'outage': {
        const relay = network.relays[action.relay]!
        relay.downUntil = clock.now() + action.ms
        return relay.listener?.('cut')
      }
      case 'lag': {
        const relay = network.relays[action.relay]!
        relay.lagUntil = clock.now() + action.ms
        clock.after(action.ms, () => network.release(relay))
        return
      }
      case 'directory':
        network.directory.mode = action.mode
        network.directory.until = clock.now() + action.ms
        network.directory.wasSilent = true
        return
      case 'handles-down':
        network.directory.handlesDownUntil = clock.now() + action.ms
        return
      case 'host-down':
        network.hosts[action.host]!.downUntil = clock.now() + action.ms
        return
      case 'host-slow':
        network.hosts[action.host]!.slowUntil = clock.now() + action.ms
        return
      case 'clock':
        network.hosts[action.host]!.skewMs = action.ms
        return
      case 'mirror':
        network.mirror.mode = action.mode
        return
      case 'list':
        return list()
      case 'crash':
        return restart()
      case 'stop':
        process.consumer.close().catch(() => {})
        await clock.run(30_000)
        return restart()
      case 'filter':
        return choose(action.wanted)
      case 'forget': {
        const { did } = network.accounts[action.account]!
        if (unsaid.has(did)) withheld.add(did)
        process.consumer.forget(did).catch(() => {})
        return
      }
      case 'app-fails':
        app.failNext = true
        return
      case 'lose-row': {
        await clock.run(10 * MINUTE)
        const rows = app.rows.get(network.accounts[action.account]!.did)
        for (const path of [...(rows?.keys() ?? [])].slice(0, 1)) rows!.delete(path)
        return
      }
      case 'wait':
        return clock.run(action.ms)
      default:
        return action satisfies never
    }
  }

  const judge = (when: Difference['when']): Difference | null => {
    if (faults > 0) return { when, did: null, what: 'consumer stopped' }
    const { overtaken } = queueWatch
    if (overtaken !== null) return { when, ...overtaken }
    if (statusWatch.wronged !== null) return { when, ...statusWatch.wronged }
    return compare({ when, app, network, consumer: process.consumer, size, filter: choice.filter, withheld })
  }

  /** Nothing runs, and nothing will by itself. */
  const isQuiet = (): boolean => {
    const { active, waiting, resync } = process.consumer.stats()
    const due = [...app.state.repos.values()].some(({ nextTry }) => nextTry !== null)
    return !due && active === 0 && waiting === 0 && resync.running === 0
  }

  try {
    await clock.run(1000)
    for (const action of actions) {
      await act(action)
      await clock.run(random.below(400))
    }
    network.recover()
    for (const account of hidden) hide(account, 'active')
    app.failNext = false
    await clock.run(3 * MINUTE)
    const early = judge('at-rest')
    if (early !== null) return early
    let late: Difference | null = null
    for (let round = 0; round < 3; round++) {
      // The relays may lie about who is there.
      list(round === 2)
      await clock.run(40 * MINUTE)
      late = judge('in-the-end')
      if (late === null && isQuiet()) return null
    }
    return late
  } finally {
    process.kill()
  }
}
