// What a run found, for people and for programs.

import type { Finding } from './judge.ts'
import type { NetworkOptions } from './options.ts'
import type { SubscriberFigures } from './subscribers/subscriber.ts'
import type { TrafficFigures } from './traffic.ts'
import type { Usage } from './usage.ts'

/** CPU time of one process, of the events of its time. */
export type Cost = {
  readonly seconds: number
  readonly microsPerEvent: number
  readonly microsOfMainThread: number
}

/** Everything. */
export type NetworkReport = {
  readonly options: NetworkOptions
  /** What is amiss; empty: all holds. */
  readonly faults: readonly string[]
  readonly seconds: { readonly all: number; readonly settling: number; readonly writing: number }
  /** Commits a second; `frames`: events that the relay heard of the PDSes meanwhile. */
  readonly rate: { readonly asked: number; readonly reached: number; readonly frames: number }
  readonly writes: Readonly<TrafficFigures>
  readonly acts: { readonly done: Record<string, number>; readonly failed: Record<string, string> }
  readonly happened: Record<string, number>
  /** What the relay made of events. */
  readonly relay: Record<string, number>
  readonly repos: {
    readonly followed: number
    readonly synchronized: number
    /** With their records compared. */
    readonly equal: number
    readonly others: Record<string, number>
    /** Of which nobody could tell the index what it missed, until the relay said that it lost events. */
    readonly untold: number
    /** Out of reach for a while, and said to be. */
    readonly behind: number
  }
  readonly verified: { readonly same: number; readonly unknown: number }
  readonly exports: {
    readonly ofFollowed: number
    readonly followed: number
    readonly ofBystanders: number
    readonly bystanders: number
    /** Of the account that was exported most often. */
    readonly mostOfOne: number
    readonly calls: Record<string, { readonly asked: number; readonly refused: number }>
  }
  readonly subscribers: Record<string, SubscriberFigures>
  readonly records: number
  readonly costs: Record<string, Cost>
}

/** CPU time by process, of so many events. */
export function costsOf(usage: ReadonlyMap<string, Usage>, events: number): Record<string, Cost> {
  const perEvent = (ms: number): number => Math.round((ms * 1000) / Math.max(1, events))
  return Object.fromEntries(
    [...usage].map(([name, { totalMs, mainMs }]) => [
      name,
      {
        seconds: Math.round(totalMs / 100) / 10,
        microsPerEvent: perEvent(totalMs),
        microsOfMainThread: perEvent(mainMs),
      },
    ]),
  )
}

/** How many repos are what. */
export function tallyOf(findings: readonly Finding[]): Omit<NetworkReport['repos'], 'untold' | 'behind'> {
  const followed = findings.filter(({ said }) => said !== null)
  const others: Record<string, number> = {}
  let [synchronized, equal] = [0, 0]
  for (const { said, status, differences } of followed) {
    if (said!.status === 'synchronized') synchronized++
    if (said!.status === 'synchronized' && differences?.length === 0) equal++
    if (said!.status === 'synchronized' && status === 'active') continue
    const name = `${said!.status}, at its host ${status}`
    others[name] = (others[name] ?? 0) + 1
  }
  return { followed: followed.length, synchronized, equal, others }
}

/** For people. */
export function* describe(report: NetworkReport): Generator<string, void, undefined> {
  const { options, seconds, rate, writes, repos, exports, verified } = report
  yield `${options.accounts} accounts (${options.bystanders} without wanted records), ${options.records} records, seed ${options.seed}`
  yield `time       ${seconds.all} s: ${seconds.settling} s until all were there, ${seconds.writing} s of writes and faults`
  const short = rate.reached < rate.asked * 0.95 ? ' (NOT REACHED)' : ''
  yield `rate       ${rate.reached} commits/s of ${rate.asked} asked${short}; ${rate.frames} events at the relay`
  yield `writes     ${writes.answered} taken, ${writes.refused} refused, ${writes.unanswered} without an answer, ${writes.skipped} left out`
  yield `acts       ${list(report.acts.done)}`
  for (const [name, message] of Object.entries(report.acts.failed)) yield `  failed   ${name}: ${message}`
  yield `faults     ${list(report.happened)}`
  yield `relay      ${list(report.relay)}`
  yield `repos      ${repos.followed} followed, ${repos.synchronized} synchronized, ${repos.equal} of them compared and equal to their PDS`
  if (Object.keys(repos.others).length > 0) yield `  others   ${list(repos.others)}`
  yield `           ${repos.untold} with losses that nobody told of, found when the relay said so; ${repos.behind} out of reach for a while, and said to be`
  yield `verify     ${verified.same} the same, ${verified.unknown} that cannot be read`
  yield `exports    ${exports.ofFollowed} of ${exports.followed} accounts with wanted records, ${exports.ofBystanders} of ${exports.bystanders} without; at most ${exports.mostOfOne} of one`
  const calls = Object.entries(exports.calls).map(
    ([name, { asked }]) => [name.split('.').at(-1)!, asked] as const,
  )
  yield `  calls    ${list(Object.fromEntries(calls))}`
  for (const [name, one] of Object.entries(report.subscribers)) {
    yield `${name.padEnd(10)} ${one.events} events, ${one.repeats} again, ${one.connections} connections`
  }
  for (const [name, cost] of Object.entries(report.costs)) {
    const share = (cost.seconds / Math.max(1, seconds.writing)) * 100
    yield `cpu        ${name.padEnd(8)} ${cost.microsPerEvent} µs an event (${cost.microsOfMainThread} µs of the main thread), ${Math.round(share)} % of a core`
  }
  yield report.faults.length === 0 ? 'all holds' : `${report.faults.length} FAULTS`
  for (const fault of report.faults.slice(0, 100)) yield `  ${fault}`
}

const list = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ') || 'none'
