// Every case of the conformance suite on both doors, in-process, with the reason it must give: `consume`, and `verifyEvent` with
// the machine of the repo's state, as somebody uses it who has a loop of their own.

import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { avocetAdapter } from '../src/conformance/adapter.ts'
import { runCase } from '../src/conformance/run.ts'
import { type Case, createScript } from '../src/conformance/script.ts'
import { CASES } from '../src/conformance/suite.ts'
import { createWorld } from '../src/conformance/world.ts'
import {
  DEFAULT_POLICY,
  newRepo,
  next,
  parseEvent,
  REASONS,
  type RepoFact,
  type RepoPolicy,
  type RepoState,
  verifyEvent,
} from '../src/index.ts'
import { expectedVerdict, playCase } from './play-case.ts'

describe('conformance cases through consume', () => {
  it('are about sixty or more, each with its own name', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(60)
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length)
  })

  for (const item of CASES.filter(({ group }) => group !== 'waiting')) {
    it(`${item.group}: ${item.name}`, async () => {
      const { verdicts, expected } = await playCase(item)
      expect(verdicts).toEqual(expected)
    })
  }
})

const policy: RepoPolicy = {
  resync: false,
  check: false,
  firstSighting: 'accept',
  filter: 'all',
  intervalMs: 0,
  backoffMs: 0,
  maxBackoffMs: 0,
  graceMs: 0,
  reactivationMs: 0,
}

/** A reader of the simplest kind: the document of the moment, one event after the other. */
async function verifyCase({
  name,
  source,
  build,
}: Case): Promise<{ verdicts: string[]; expected: string[] }> {
  const world = createWorld(name)
  const script = createScript()
  await build(script, world)
  const repos = new Map<Did, RepoState>()
  const verdicts: string[] = []
  for (const step of script.steps) {
    if (step.kind === 'change') {
      step.apply()
      continue
    }
    const parsed = parseEvent(step.frame, DEFAULT_POLICY)
    const did = parsed.ok && parsed.value.kind !== 'info' ? parsed.value.did : null
    const account = did === null ? undefined : world.accounts.get(did)
    if (account !== undefined && world.missing.has(account.did)) {
      // Finding the identity is the caller's part.
      verdicts.push('reject identity-unresolved')
      continue
    }
    const now = Date.now()
    const repo = did === null ? null : (repos.get(did) ?? null)
    const verdict = verifyEvent({
      frame: step.frame,
      key: account === undefined || world.keyless.has(account.did) ? null : account.published.publicKey,
      repo,
      now,
      ...(source === 'pds' ? { speaker: { kind: 'pds', host: world.pds }, pds: account?.pds ?? null } : {}),
    })
    const fact = ((): RepoFact | null => {
      if (verdict.outcome === 'accepted') {
        const { event, head } = verdict
        if (head !== null) {
          const flags = event.kind === 'commit' ? event.flags : []
          return { kind: 'accepted', rev: head.rev, data: head.data, flags, at: now }
        }
        if (event.kind !== 'account') return null
        return { kind: 'account', status: event.active ? 'active' : (event.status ?? 'inactive'), at: now }
      }
      if (verdict.event?.kind === 'sync') {
        return { kind: 'broken', reason: verdict.reason, rev: verdict.event.rev }
      }
      if (verdict.event === null) return null
      const { rev, data } = verdict.event
      return { kind: 'accepted', rev, data, flags: ['gap'], at: now }
    })()
    if (did !== null && fact !== null) {
      repos.set(did, next(repo ?? newRepo(did, 'all'), fact, policy, now).state)
    }
    if (verdict.outcome === 'accepted') verdicts.push('accept')
    // A #sync that shows another head is authentic: what it says is believed.
    else if (verdict.event?.kind === 'sync') verdicts.push('accept')
    else verdicts.push(verdict.event?.kind === 'commit' ? 'gap' : `reject ${verdict.reason}`)
  }
  return { verdicts, expected: script.steps.flatMap(expectedVerdict) }
}

it('only what is signed desynchronizes: no reason before the signature was checked does', () => {
  const steps = Object.values(REASONS).flatMap(({ step, effect }) =>
    effect === 'desynchronized' ? step : [],
  )
  expect([...new Set(steps)].toSorted()).toEqual([
    'app',
    'chain',
    'inversion',
    'ops',
    'queue',
    'resync',
    'tree',
  ])
})

describe('conformance cases through verifyEvent', () => {
  for (const item of CASES.filter(({ group }) => group !== 'waiting')) {
    it(`${item.group}: ${item.name}`, async () => {
      const { verdicts, expected } = await verifyCase(item)
      expect(verdicts).toEqual(expected)
    })
  }
})

describe('nobody waits for somebody else, over a socket', () => {
  for (const item of CASES.filter(({ group }) => group === 'waiting')) {
    it(`${item.group}: ${item.name}`, async () => {
      expect(await runCase(avocetAdapter('test'), item, 5000)).toMatchObject({ ok: true, mismatches: [] })
    })
  }
})
