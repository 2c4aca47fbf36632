// A network at work, with everything that goes wrong in one, and an index that has to have it all in the end.

import { setTimeout as delay } from 'node:timers/promises'
import { openIndex } from '../simulated/checks.ts'
import { createRandom } from '../simulated/people.ts'
import { type Account, settle } from './accounts.ts'
import { startActs } from './acts.ts'
import { runFaults } from './faults.ts'
import {
  examine,
  type Finding,
  judge,
  judgeCounts,
  judgeSubscriber,
  readCoverage,
  readIndex,
  verifyAll,
  WANTED_FLAG,
} from './judge.ts'
import type { NetworkOptions } from './options.ts'
import { costsOf, type NetworkReport, tallyOf } from './report.ts'
import { createSpoiler, type Spoiler } from './spoil.ts'
import type { Subscriber } from './subscribers/subscriber.ts'
import { subscribeSse } from './subscribers/sse.ts'
import { subscribeTap } from './subscribers/tap.ts'
import { subscribeV1 } from './subscribers/v1.ts'
import { subscribeV2 } from './subscribers/v2.ts'
import { receiveWebhooks } from './subscribers/webhook.ts'
import { startTraffic, writeNote } from './traffic.ts'
import { openWorld, type World } from './world.ts'

const HOSTS = 3
/** Accounts of the host that is out of reach in the end. */
const BEHIND = 5

/** Runs it. What is amiss is in `faults` of the report. @throws Error when a process cannot be started */
export async function runNetwork(options: NetworkOptions): Promise<NetworkReport> {
  const { seed, seconds, print = () => {} } = options
  const begun = performance.now()
  const deadline = begun + options.limitSeconds * 1000
  const faults: string[] = []
  const firstHost = new Set<string>()
  const spoiler = createSpoiler(createRandom(seed + 1), (did) => firstHost.has(did))
  const receiver = await receiveWebhooks()
  const { resyncSeconds } = options
  const world = await openWorld({
    hosts: HOSTS,
    pass: spoiler.pass,
    wanted: [WANTED_FLAG],
    resyncSeconds,
    hook: receiver,
  })
  const subscribers: Subscriber[] = [receiver]
  let keep = true
  try {
    const accounts = await settle({ ...options, hosts: world.hosts, print })
    for (const { did, host } of accounts) if (host === world.hosts[0]) firstHost.add(did)
    // What was there before is in exports alone.
    await world.relay.start()
    await delay(300)
    await world.indexer.start()
    const { url } = world.indexer
    subscribers.push(
      subscribeV1(url.replace('http', 'ws')),
      subscribeV2(url),
      subscribeTap(url),
      subscribeSse(url),
    )
    const settledIn = secondsSince(begun)
    print(`${accounts.length} accounts, ${options.records} records; now they write`)

    world.meter.note('clients', process.pid)
    world.meter.mark()
    const heardBefore = world.relay.heard()
    const writing = performance.now()
    const traffic = startTraffic(accounts, options.rate, createRandom(seed + 2))
    const acts = startActs({
      accounts,
      world,
      perMinute: options.actsPerMinute,
      random: createRandom(seed + 3),
    })
    const progress = setInterval(() => {
      const { answered, skipped } = traffic.figures
      print(
        `${answered} writes, ${skipped} left out; ${subscribers.map(({ name, figures }) => `${name} ${figures.events}`).join(', ')}`,
      )
    }, 15_000)
    let happened
    try {
      happened = await runFaults({
        world,
        mischief: spoiler.mischief,
        subscribers,
        random: createRandom(seed + 4),
        ms: seconds * 1000,
        killEveryMs: options.killEverySeconds * 1000,
      })
    } finally {
      clearInterval(progress)
      await Promise.all([traffic.stop(), acts.stop()])
    }
    const wroteFor = (performance.now() - writing) / 1000
    const costs = costsOf(world.meter.since(), world.relay.heard() - heardBefore)
    const frames = world.relay.heard() - heardBefore

    const rest = (what: string): Promise<void> => settled(world, deadline, what, faults)
    print('writes have ended; waiting for the index')
    await rest('after the writes')
    const look = async (
      what: string,
      share: number,
      excused?: (did: string) => boolean,
    ): Promise<Finding[]> => {
      const findings = await examine(world, accounts, share)
      const wrong = [...judge(findings, excused), ...(await judgeCounts(world, accounts))]
      faults.push(...wrong.map((fault) => `${what}: ${fault}`))
      return findings
    }
    const first = await look('after the writes', partOf(accounts.length), spoiler.isUntold)
    const untold = first.filter(({ did, said }) => said !== null && spoiler.isUntold(did)).length

    print('a host is out of reach')
    const behind = await outOfReach(world, accounts, ableOf(accounts, first), spoiler, faults)
    print('the relay has forgotten what it sent')
    await forgotten(world, ableOf(accounts, first))
    await rest('after all')
    const findings = await look('after all', 1)
    print('comparing')
    const dids = findings.flatMap(({ did, said }) => (said === null ? [] : [did]))
    const verified = await verifyAll(world, dids, [WANTED_FLAG])
    faults.push(...verified.found.map((line) => `verify: ${line}`))
    const unread = findings.filter(({ said, status }) => said !== null && status !== 'active').length
    if (verified.unknown !== unread)
      faults.push(`verify cannot say of ${verified.unknown} repos: ${unread} are of accounts that are off`)

    await caughtUp(world, ableOf(accounts, findings), subscribers, faults)
    const index = readIndex(world)
    faults.push(...index.faults.map((fault) => `index: ${fault}`))
    for (const subscriber of subscribers)
      faults.push(...judgeSubscriber(subscriber, index.records, index.statuses))
    const exported = accounts.filter(({ did, bystander }) => bystander && world.exports.given.has(did))
    for (const { did } of exported) faults.push(`${did} never had a wanted record, and was exported`)

    for (const subscriber of subscribers) await subscriber.stop()
    const code = await world.indexer.stop()
    if (code !== 0) faults.push(`the indexer ended with ${code}`)
    keep = faults.length > 0
    if (keep) print(`the data is in ${world.folder}`)
    return {
      options,
      faults,
      seconds: { all: secondsSince(begun), settling: settledIn, writing: Math.round(wroteFor) },
      rate: {
        asked: options.rate,
        reached: Math.round((traffic.figures.answered / wroteFor) * 10) / 10,
        frames,
      },
      writes: traffic.figures,
      acts: { done: Object.fromEntries(acts.done), failed: Object.fromEntries(acts.failed) },
      happened: { kills: happened.kills, ...Object.fromEntries(happened.counts) },
      relay: Object.fromEntries(spoiler.counts),
      repos: { ...tallyOf(findings), untold, behind },
      verified: { same: verified.same, unknown: verified.unknown },
      exports: exportsOf(world, accounts),
      subscribers: Object.fromEntries(subscribers.map(({ name, figures }) => [name, { ...figures }])),
      records: index.records.size,
      costs,
    }
  } finally {
    for (const subscriber of subscribers) await subscriber.stop().catch(() => {})
    await world.close(keep)
  }
}

/** Before the end the records of so many are compared: a share of all. */
const partOf = (accounts: number): number => Math.min(1, 300 / accounts)

const secondsSince = (since: number): number => Math.round((performance.now() - since) / 1000)

/** Waits until nothing is under way. Of an account that is off nothing is read, until it is back. */
async function settled(world: World, deadline: number, what: string, faults: string[]): Promise<void> {
  const count = `SELECT (SELECT count(*) FROM queued_frames) + (SELECT count(*) FROM purges) +
    (SELECT count(*) FROM repos WHERE hearsay IS NOT NULL OR (status <> 'synchronized' AND next_try IS NOT NULL)) AS n`
  let still = 0
  for (;;) {
    const db = openIndex(world.indexer.file)
    const waiting = Number(db.prepare(count).get()?.['n'])
    const open = await openOf(world, Number(db.prepare(OFF).get()?.['n']))
    db.close()
    still = waiting + open === 0 ? still + 1 : 0
    if (still === 4) return
    if (performance.now() > deadline) {
      faults.push(`${what}: ${waiting} repos or frames still wait, ${open} are unconfirmed, or sources away`)
      return
    }
    await delay(500)
  }
}

/** Accounts that are off: what they have is not confirmed before they are back. */
const OFF = "SELECT count(*) AS n FROM repos WHERE upstream_status NOT IN ('active', 'deleted')"

/** Sources that are not followed now, and repos of sources that lost events, which nobody has asked about yet. */
async function openOf({ indexer }: World, off: number): Promise<number> {
  const status = (await (await fetch(`${indexer.url}/status`)).json()) as {
    sources: { state: string }[]
    repos: { unconfirmed: number }
  }
  return (
    Math.max(0, status.repos.unconfirmed - off) +
    status.sources.filter(({ state }) => state !== 'live').length
  )
}

/** Accounts that write, and are indexed: an act may have been done though nobody answered, or be half done. */
function ableOf(accounts: readonly Account[], findings: readonly Finding[]): Account[] {
  const fine = new Set(
    findings.flatMap(({ did, status, said }) =>
      status === 'active' && said?.status === 'synchronized' ? [did] : [],
    ),
  )
  return accounts.filter(({ state, did }) => state === 'on' && fine.has(did))
}

/**
 * The last host cannot be asked while the relay tells of a gap in some of its repos: exactly these have to be behind, for that reason.
 * @returns how many they are
 */
async function outOfReach(
  world: World,
  accounts: readonly Account[],
  able: readonly Account[],
  spoiler: Spoiler,
  faults: string[],
): Promise<number> {
  const host = world.hosts.at(-1)!
  const chosen = able.filter((account) => account.host === host).slice(0, BEHIND)
  // Of an account that is off the last failure stays told: nothing is read of it.
  const expected = (await readCoverage(world)).unreachable + chosen.length
  host.front.dark(true)
  const random = createRandom(9)
  for (const account of chosen) {
    spoiler.loseNext(account.did)
    await writeNote(account, random)
    await writeNote(account, random)
  }
  const isBehind = async (): Promise<number> => (await readCoverage(world)).unreachable
  for (let tries = 0; tries < 15 && (await isBehind()) !== expected; tries++) await delay(300)
  const report = await readCoverage(world)
  if (report.unreachable !== expected)
    faults.push(
      `out of reach: coverage tells of ${report.unreachable} repos that cannot be reached: there are ${expected}`,
    )
  for (const { did, said } of await examine(world, chosen, 0)) {
    if (said?.status !== 'desynchronized' && said?.status !== 'resyncing')
      faults.push(`out of reach: ${did} is behind, and said to be ${said?.status}`)
  }
  const all = await examine(world, accounts, partOf(accounts.length))
  const wrong = [...judge(all, spoiler.isUntold), ...(await judgeCounts(world, accounts))]
  faults.push(...wrong.map((fault) => `out of reach: ${fault}`))
  host.front.dark(false)
  return chosen.length
}

/** The indexer is killed, and what the relay had meanwhile is gone: whatever was lost before has to be found now too. */
async function forgotten(world: World, able: readonly Account[]): Promise<void> {
  await world.indexer.kill()
  const random = createRandom(10)
  for (const account of able.slice(0, 20)) await writeNote(account, random)
  await delay(500)
  world.relay.forget()
  await world.indexer.start()
}

/** Waits until every subscriber has what is written now. */
async function caughtUp(
  world: World,
  able: readonly Account[],
  subscribers: readonly Subscriber[],
  faults: string[],
): Promise<void> {
  const random = createRandom(11)
  const last = able[0]
  if (last === undefined) return void faults.push('nobody is left who could write')
  const place = `${last.did}/com.example.note/${await writeNote(last, random)}`
  for (const until = performance.now() + 60_000; performance.now() < until; await delay(300)) {
    const { consumers } = (await (await fetch(`${world.indexer.url}/status`)).json()) as {
      consumers: { behind: number; unacked: number }[]
    }
    const late = consumers.some(({ behind, unacked }) => behind + unacked > 0)
    if (!late && subscribers.every(({ fold }) => fold.records.has(place))) return
  }
  const without = subscribers.filter(({ fold }) => !fold.records.has(place))
  faults.push(`not all is delivered: ${without.map(({ name }) => name).join(', ') || 'acks are missing'}`)
}

/** How often repos were read whole. */
function exportsOf(world: World, accounts: readonly Account[]): NetworkReport['exports'] {
  const { given, calls } = world.exports
  const of = (bystander: boolean): number =>
    accounts.reduce(
      (sum, account) => sum + (account.bystander === bystander ? (given.get(account.did) ?? 0) : 0),
      0,
    )
  return {
    ofFollowed: of(false),
    followed: accounts.filter(({ bystander }) => !bystander).length,
    ofBystanders: of(true),
    bystanders: accounts.filter(({ bystander }) => bystander).length,
    mostOfOne: Math.max(0, ...given.values()),
    calls: Object.fromEntries(calls),
  }
}
