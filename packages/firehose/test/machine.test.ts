// The machine of a repo's state: every corner as a table, and what must hold whatever happens.

import { cidForRaw } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { createRandom } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import {
  newRepo,
  next,
  type RepoEffect,
  type RepoFact,
  type RepoPolicy,
  type RepoState,
  REPO_STATUSES,
  route,
} from '../src/index.ts'

const did: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const NOW = 1_000_000
const policy: RepoPolicy = {
  resync: true,
  check: true,
  firstSighting: 'resync',
  filter: 'f',
  intervalMs: 60_000,
  backoffMs: 10_000,
  maxBackoffMs: 100_000,
  graceMs: 30_000,
  reactivationMs: 3000,
}
const rev = (n: number): Tid => `3kaaaaaaaaa2${'abcdefgh'[n]!}` as Tid
const data = (n: number) => cidForRaw(new Uint8Array([n]))
const base: RepoState = {
  ...newRepo(did, 'f'),
  rev: rev(2),
  data: data(2),
  status: 'synchronized',
  reason: null,
  confirmedAt: 5,
  lastSource: 's',
  lastSeq: 9,
}
const state = (change: Partial<RepoState>): RepoState => ({ ...base, ...change })
const running = (change: Partial<RepoState> = {}): RepoState =>
  state({
    status: 'resyncing',
    phase: 'reading',
    epoch: 4,
    nextTry: NOW - 1,
    triedAt: NOW - 1,
    reason: 'x',
    ...change,
  })
const suspect = state({
  status: 'suspect',
  reason: 'rev-future',
  nextTry: NOW + 5,
  claimed: rev(3),
  priority: 4,
})
const broken = state({ status: 'desynchronized', reason: 'chain-since', nextTry: NOW, floor: rev(4) })
const accepted = (
  n: number,
  flags: readonly ('first-sighting' | 'gap' | 'legacy' | 'queued')[] = [],
): RepoFact => ({
  kind: 'accepted',
  rev: rev(n),
  data: data(n),
  flags,
  at: NOW,
})
const doubt = (change: Partial<Extract<RepoFact, { kind: 'doubted' }>> = {}): RepoFact => ({
  kind: 'doubted',
  reason: 'rev-future',
  claimed: rev(3),
  retryAt: null,
  ...change,
})
const checked = (n: number | null, askedAt = NOW - 10, doubted = false): RepoFact => ({
  kind: 'checked',
  rev: n === null ? null : rev(n),
  askedAt,
  doubted,
})
const part = (epoch: number, n: number, last: boolean, own = true): RepoFact => ({
  kind: 'part',
  epoch,
  rev: rev(n),
  data: data(n),
  last,
  own,
})
const failed = (epoch: number, change = {}): RepoFact => ({
  kind: 'failed',
  epoch,
  reason: 'fetch-failed',
  terminal: false,
  canAsk: false,
  queued: false,
  retryAfterMs: 0,
  jitter: 0.5,
  ...change,
})

type Row = [
  name: string,
  before: RepoState,
  fact: RepoFact,
  after: Partial<RepoState>,
  effects?: readonly RepoEffect[],
  policy?: Partial<RepoPolicy>,
]
const table = (rows: readonly Row[]): void => {
  it.each(rows)('%s', (_name, before, fact, after, effects, change) => {
    const step = next(before, fact, { ...policy, ...change }, NOW)
    // All that is not named stays as it was.
    expect(step.state).toEqual({ ...before, ...after })
    if (effects !== undefined) expect(step.effects).toEqual(effects)
  })
}
/** Newer than all: something happened, nobody knows what. */
const UNKNOWN = 'jzzzzzzzzzzzz' as Tid
const whole = {
  status: 'synchronized',
  reason: null,
  nextTry: null,
  attempts: 0,
  floor: null,
  claimed: null,
} as const
const at3 = { rev: rev(3), data: data(3), confirmedAt: NOW }

describe('an accepted event', () => {
  table([
    [
      'other than a #sync does not say what happened before a return',
      state({ status: 'desynchronized', reason: 'reactivated', claimed: UNKNOWN, nextTry: NOW + 3000 }),
      accepted(3),
      { ...at3, status: 'suspect', nextTry: NOW, priority: 4 },
    ],
    ['moves the head', base, accepted(3), at3, []],
    ['confirms', state({ status: 'unconfirmed', reason: 'source-gap' }), accepted(3), { ...at3, ...whole }],
    ['clears a doubt that it covers', suspect, accepted(3), { ...at3, ...whole }],
    ['and not one that it does not', state({ ...suspect, claimed: rev(4) }), accepted(3), at3],
    [
      'wakes what was given up',
      state({ status: 'terminal', reason: 'gone' }),
      accepted(3),
      { ...at3, ...whole },
    ],
    [
      'of a repo first seen is not its history',
      newRepo(did, 'f'),
      accepted(3, ['first-sighting']),
      {
        ...at3,
        status: 'desynchronized',
        reason: 'first-sighting',
        nextTry: NOW,
        priority: 2,
        flags: ['first-sighting'],
        partialSince: rev(3),
      },
      ['wake'],
    ],
    [
      'and stays known in part without a resync',
      newRepo(did, 'f'),
      accepted(3, ['first-sighting']),
      { ...at3, ...whole, flags: ['first-sighting'], partialSince: rev(3) },
      [],
      { resync: false },
    ],
    [
      'with a gap adds to what is known in part',
      state({ flags: ['first-sighting'], partialSince: rev(1) }),
      accepted(3, ['gap', 'first-sighting', 'queued']),
      { ...at3, flags: ['first-sighting', 'gap'], partialSince: rev(3) },
      [],
      { resync: false },
    ],
    [
      'of the time before a gap does not say what came later',
      state({ status: 'unconfirmed', reason: 'source-gap' }),
      { kind: 'accepted', rev: rev(3), data: data(3), flags: [], at: 4 },
      { ...at3, ...whole, confirmedAt: 5 },
    ],
    [
      'a #sync after a return says that nothing happened meanwhile',
      state({ status: 'desynchronized', reason: 'reactivated', nextTry: NOW, claimed: UNKNOWN }),
      { kind: 'accepted', rev: rev(3), data: data(2), flags: [], at: NOW, sync: true },
      { ...whole, rev: rev(3), confirmedAt: NOW },
    ],
    [
      'but does not make up for a history that is missing',
      state({
        status: 'desynchronized',
        reason: 'reactivated',
        nextTry: NOW,
        claimed: UNKNOWN,
        flags: ['first-sighting'],
      }),
      { kind: 'accepted', rev: rev(3), data: data(2), flags: [], at: NOW, sync: true },
      { rev: rev(3), confirmedAt: NOW, reason: 'first-sighting', nextTry: NOW, priority: 2, claimed: null },
    ],
    [
      'nor for rows of another filter',
      state({ filter: 'old' }),
      accepted(3),
      { ...at3, status: 'desynchronized', reason: 'filter-changed', nextTry: NOW, priority: 3 },
    ],
    ['an old #sync does not clear a broken chain', broken, accepted(2), {}, []],
    ['a new one does', broken, accepted(4), { ...whole, rev: rev(4), data: data(4), confirmedAt: NOW }],
    [
      'from the queue moves the head of a resync',
      running({ phase: 'draining', claimed: rev(3) }),
      accepted(3),
      { ...at3, claimed: null },
    ],
  ])
})

describe('a broken chain', () => {
  table([
    [
      'is read, and no older copy will do',
      base,
      { kind: 'broken', reason: 'chain-since', rev: rev(4) },
      { status: 'desynchronized', reason: 'chain-since', nextTry: NOW, floor: rev(4) },
      ['wake'],
    ],
    [
      'not sooner than an interval after the last time',
      state({ triedAt: NOW - 10_000 }),
      { kind: 'broken', reason: 'chain-since', rev: rev(4) },
      { status: 'desynchronized', reason: 'chain-since', nextTry: NOW + 50_000, floor: rev(4) },
    ],
    [
      'keeps the highest proof',
      broken,
      { kind: 'broken', reason: 'chain-data', rev: rev(3) },
      { reason: 'chain-data' },
    ],
    [
      'in the queue ends the resync',
      running({ phase: 'draining', lost: 'x' }),
      { kind: 'broken', reason: 'chain-since', rev: rev(4) },
      {
        status: 'desynchronized',
        reason: 'chain-since',
        phase: null,
        lost: null,
        floor: rev(4),
        // What is behind it in the queue goes unseen.
        claimed: UNKNOWN,
        nextTry: NOW - 1 + 60_000,
      },
      ['wake', 'end-run', 'drop-queue'],
    ],
    [
      'without a resync is told all the same',
      base,
      { kind: 'broken', reason: 'sync-diverged', rev: rev(4) },
      { status: 'desynchronized', reason: 'sync-diverged', floor: rev(4) },
      [],
      { resync: false },
    ],
    [
      'an event that the app refuses',
      base,
      { kind: 'app-failed', rev: rev(3), said: null },
      { status: 'desynchronized', reason: 'app-failed', nextTry: NOW, floor: rev(3) },
    ],
    [
      'an account event that the app refuses',
      base,
      { kind: 'app-failed', rev: null, said: null },
      { status: 'desynchronized', reason: 'app-failed', nextTry: NOW, claimed: UNKNOWN },
    ],
    [
      'which may be that it is active again',
      state({ upstreamStatus: 'deactivated', triedAt: NOW }),
      { kind: 'app-failed', rev: null, said: null },
      { status: 'desynchronized', reason: 'app-failed', nextTry: NOW + 60_000, claimed: UNKNOWN },
      ['wake'],
    ],
    [
      'whose host is asked for that status then',
      state({ upstreamStatus: 'deactivated', localStatus: 'hidden' }),
      { kind: 'app-failed', rev: null, said: 'deleted' },
      {
        status: 'desynchronized',
        reason: 'app-failed',
        claimed: UNKNOWN,
        hearsay: { status: 'deleted', askAt: NOW, tries: 0, gone: 0 },
      },
      [],
    ],
    [
      'as soon as it was to be asked anyway',
      state({ localStatus: 'hidden', hearsay: { status: 'active', askAt: NOW + 5, tries: 3, gone: 1 } }),
      { kind: 'app-failed', rev: null, said: 'deleted' },
      {
        status: 'desynchronized',
        reason: 'app-failed',
        claimed: UNKNOWN,
        hearsay: { status: 'deleted', askAt: NOW + 5, tries: 3, gone: 1 },
      },
      [],
    ],
    [
      'and not while it is hidden here',
      state({ upstreamStatus: 'deactivated', localStatus: 'hidden' }),
      { kind: 'app-failed', rev: null, said: null },
      { status: 'desynchronized', reason: 'app-failed', nextTry: null, claimed: UNKNOWN },
      [],
    ],
    [
      'a commit that the app refuses is nothing that an inactive account is read for',
      state({ upstreamStatus: 'deactivated' }),
      { kind: 'app-failed', rev: rev(3), said: null },
      { status: 'desynchronized', reason: 'app-failed', nextTry: null, floor: rev(3) },
      [],
    ],
  ])
})

describe('a doubt', () => {
  table([
    [
      'is checked',
      base,
      doubt(),
      { status: 'suspect', reason: 'rev-future', claimed: rev(3), nextTry: NOW, priority: 4 },
      ['wake', 'doubted'],
    ],
    [
      'when it makes sense',
      base,
      doubt({ retryAt: NOW + 7 }),
      { status: 'suspect', reason: 'rev-future', claimed: rev(3), nextTry: NOW + 7, priority: 4 },
    ],
    [
      'the less often the more often that found nothing',
      state({ triedAt: NOW, attempts: 3 }),
      doubt(),
      { status: 'suspect', reason: 'rev-future', claimed: rev(3), nextTry: NOW + 480_000, priority: 4 },
    ],
    [
      'up to 64 intervals',
      state({ triedAt: NOW, attempts: 30 }),
      doubt(),
      { status: 'suspect', reason: 'rev-future', claimed: rev(3), nextTry: NOW + 64 * 60_000, priority: 4 },
    ],
    [
      'does not put off one that is due',
      suspect,
      doubt({ retryAt: NOW + 90, claimed: rev(4) }),
      { claimed: rev(4) },
      ['doubted'],
    ],
    [
      'brings one nearer',
      suspect,
      doubt({ retryAt: null, reason: 'too-big-flag' }),
      { reason: 'too-big-flag', nextTry: NOW },
    ],
    ['of what is covered claims nothing', suspect, doubt({ claimed: rev(1), retryAt: NOW + 90 }), {}],
    ['while waiting is only noted', broken, doubt(), { claimed: rev(3) }, []],
    ['while reading is kept for the end', running(), doubt(), { claimed: rev(3), lost: 'rev-future' }, []],
    ['does not wake what is gone', state({ status: 'terminal' }), doubt(), { claimed: rev(3) }, []],
    [
      'of what is inactive waits for its return',
      state({ upstreamStatus: 'deactivated' }),
      doubt(),
      { status: 'suspect', reason: 'rev-future', claimed: rev(3), priority: 4 },
    ],
    [
      'without a resync waits for the stream',
      base,
      doubt(),
      { status: 'suspect', reason: 'rev-future', claimed: rev(3), priority: 4 },
      ['wake', 'doubted'],
      { resync: false },
    ],
    ['an event not looked at is noted', broken, doubt({ claimed: rev(5) }), { claimed: rev(5) }, []],
    ['an old one is not', broken, doubt({ claimed: rev(1) }), {}, []],
  ])
})

describe('what only a relay says', () => {
  const open = { status: 'deleted', askAt: NOW + 5, tries: 2, gone: 3 }
  const asked = state({ hearsay: open })
  const unheard = (change: Partial<Extract<RepoFact, { kind: 'unheard' }>> = {}): RepoFact => ({
    kind: 'unheard',
    gone: false,
    retryAfterMs: 0,
    jitter: 0.5,
    ...change,
  })
  table([
    [
      'is kept, and changes nothing else',
      base,
      { kind: 'hearsay', status: 'deleted', askAt: NOW + 7 },
      { hearsay: { status: 'deleted', askAt: NOW + 7, tries: 0, gone: 0 } },
      [],
    ],
    [
      'leaves a resync alone',
      running(),
      { kind: 'hearsay', status: 'deactivated', askAt: NOW },
      { hearsay: { status: 'deactivated', askAt: NOW, tries: 0, gone: 0 } },
      [],
    ],
    [
      'again: the last word is kept, and the question neither hastened nor put off',
      asked,
      { kind: 'hearsay', status: 'takendown', askAt: NOW },
      { hearsay: { ...open, status: 'takendown' } },
      [],
    ],
    [
      'that it is active takes no word away: its host may know of no such account',
      asked,
      { kind: 'hearsay', status: 'active', askAt: NOW },
      { hearsay: open },
      [],
    ],
    ['asked in vain', asked, unheard(), { hearsay: { ...open, tries: 3, gone: 0, askAt: NOW + 40_000 } }, []],
    [
      'asked in vain for long',
      state({ hearsay: { ...open, tries: 9 } }),
      unheard(),
      { hearsay: { ...open, tries: 10, gone: 0, askAt: NOW + 100_000 } },
    ],
    [
      'asked of a host that wants a longer pause',
      asked,
      unheard({ retryAfterMs: 70_000 }),
      { hearsay: { ...open, tries: 3, gone: 0, askAt: NOW + 70_000 } },
    ],
    [
      'of a DID that is not found',
      asked,
      unheard({ gone: true }),
      { hearsay: { ...open, tries: 3, gone: 4, askAt: NOW + 40_000 } },
    ],
    ['put off', asked, { kind: 'unasked', until: NOW + 9 }, { hearsay: { ...open, askAt: NOW + 9 } }, []],
    ['put off, and closed meanwhile', base, { kind: 'unasked', until: NOW + 9 }, {}, []],
    ['asked in vain, and closed meanwhile', base, unheard(), {}, []],
    [
      'the host says what was known',
      asked,
      { kind: 'account', status: 'active', at: null },
      { hearsay: null },
      [],
    ],
    [
      'the host says another word',
      asked,
      { kind: 'account', status: 'suspended', at: null },
      { hearsay: null, upstreamStatus: 'suspended' },
      [],
    ],
    [
      'the host says what was known of a repo that it does not give',
      asked,
      { kind: 'known' },
      { hearsay: null },
      [],
    ],
    ['the host says what was known, and nothing was open', base, { kind: 'known' }, {}, []],
    ['this service decides', asked, { kind: 'local', status: 'hidden' }, { localStatus: 'hidden' }, []],
    [
      'the host says deleted',
      asked,
      { kind: 'account', status: 'deleted', at: null },
      {
        ...newRepo(did, 'f'),
        status: 'synchronized',
        reason: null,
        upstreamStatus: 'deleted',
        confirmedAt: NOW,
        lastSource: 's',
        lastSeq: 9,
      },
    ],
  ])
})

const gone: Partial<RepoState> = {
  ...newRepo(did, 'f'),
  status: 'synchronized',
  reason: null,
  upstreamStatus: 'deleted',
  lastSource: 's',
  lastSeq: 9,
  confirmedAt: NOW,
}
describe('an account', () => {
  table([
    [
      'deleted is purged',
      base,
      { kind: 'account', status: 'deleted', at: null },
      gone,
      ['end-run', 'drop-queue'],
    ],
    [
      'deleted ends its resync for good: the epoch stays',
      running({ phase: 'applying', floor: rev(4), flags: ['gap'] }),
      { kind: 'account', status: 'deleted', at: null },
      { ...gone, epoch: 4, triedAt: NOW - 1 },
      ['end-run', 'drop-queue'],
    ],
    [
      'deactivated ends its resync, half applied',
      running({ phase: 'applying', lost: 'y' }),
      { kind: 'account', status: 'deactivated', at: null },
      {
        upstreamStatus: 'deactivated',
        status: 'desynchronized',
        reason: 'account-inactive',
        rev: null,
        data: null,
        floor: rev(2),
        phase: null,
        lost: null,
        nextTry: null,
        claimed: UNKNOWN,
      },
      ['end-run', 'drop-queue'],
    ],
    [
      'deactivated is not tried',
      broken,
      { kind: 'account', status: 'suspended', at: null },
      { upstreamStatus: 'suspended', nextTry: null },
      [],
    ],
    [
      'that comes back is read, after its #sync had time',
      state({ upstreamStatus: 'deactivated' }),
      { kind: 'account', status: 'active', at: null },
      {
        upstreamStatus: 'active',
        confirmedAt: null,
        status: 'desynchronized',
        reason: 'reactivated',
        nextTry: NOW + 3000,
        claimed: UNKNOWN,
      },
      ['wake'],
    ],
    [
      'that comes back here as well',
      state({ localStatus: 'takendown' }),
      { kind: 'local', status: 'active' },
      {
        localStatus: 'active',
        confirmedAt: null,
        status: 'desynchronized',
        reason: 'reactivated',
        nextTry: NOW + 3000,
        claimed: UNKNOWN,
      },
    ],
    [
      'that is still inactive here is not read',
      state({ localStatus: 'takendown', upstreamStatus: 'deactivated' }),
      { kind: 'account', status: 'active', at: null },
      { upstreamStatus: 'active' },
      [],
    ],
    [
      'that its host calls inactive counts as confirmed then',
      base,
      { kind: 'account', status: 'deactivated', at: NOW - 5 },
      { upstreamStatus: 'deactivated', confirmedAt: NOW - 5 },
      [],
    ],
    [
      'that was heard of later already counts from then',
      state({ upstreamStatus: 'deactivated', confirmedAt: NOW - 1 }),
      { kind: 'account', status: 'deactivated', at: NOW - 5 },
      {},
      [],
    ],
    ['active as before changes nothing', suspect, { kind: 'account', status: 'active', at: NOW }, {}, []],
    [
      'active as before leaves the resync alone',
      running(),
      { kind: 'account', status: 'active', at: null },
      {},
      [],
    ],
    [
      'active wakes what was given up',
      state({ status: 'terminal', reason: 'repo-deactivated' }),
      { kind: 'account', status: 'active', at: null },
      {
        status: 'desynchronized',
        reason: 'reactivated',
        nextTry: NOW + 3000,
        claimed: UNKNOWN,
        confirmedAt: null,
      },
    ],
    [
      'never read, without a resync, just goes on',
      { ...newRepo(did, 'f'), upstreamStatus: 'deleted' },
      { kind: 'account', status: 'active', at: null },
      { upstreamStatus: 'active' },
      [],
      { resync: false },
    ],
    ['taken down here', base, { kind: 'local', status: 'takendown' }, { localStatus: 'takendown' }, []],
    [
      'with a new identity may be somewhere else',
      state({ status: 'terminal', reason: 'repo-deactivated' }),
      { kind: 'identity' },
      { status: 'desynchronized', reason: 'identity-changed', nextTry: NOW, priority: 2 },
      ['wake'],
    ],
    ['with a new identity may be checked now', suspect, { kind: 'identity' }, { nextTry: NOW }, ['wake']],
    ['with a new identity, and whole', base, { kind: 'identity' }, {}, []],
  ])
})

describe('what is asked for', () => {
  table([
    [
      'is read at once',
      base,
      { kind: 'requested', reason: 'requested', claimed: null },
      { status: 'desynchronized', reason: 'requested', nextTry: NOW, priority: 1 },
      ['wake'],
    ],
    [
      'is read behind a gap that waits already',
      state({ ...broken, nextTry: NOW + 99, priority: 0 }),
      { kind: 'requested', reason: 'discovered', claimed: rev(5) },
      { reason: 'discovered', claimed: rev(5) },
    ],
    [
      'in a list waits behind all others',
      newRepo(did, 'f'),
      { kind: 'requested', reason: 'discovered', claimed: rev(5) },
      { status: 'desynchronized', reason: 'discovered', nextTry: NOW, priority: 3, claimed: rev(5) },
    ],
    [
      'while it is read is looked at again behind that',
      running(),
      { kind: 'requested', reason: 'requested', claimed: null },
      { lost: 'requested' },
      [],
    ],
    [
      'cannot be without a resync',
      base,
      { kind: 'requested', reason: 'requested', claimed: null },
      { status: 'desynchronized', reason: 'requested', priority: 1 },
      [],
      { resync: false },
    ],
  ])
})

const unconfirmed = state({ status: 'unconfirmed', reason: 'source-gap' })
describe('a list', () => {
  const listed = (n: number): RepoFact => ({ kind: 'listed', rev: rev(n), at: NOW })
  table([
    [
      'finds what nobody knew of',
      newRepo(did, 'f'),
      listed(3),
      { status: 'desynchronized', reason: 'discovered', claimed: rev(3), nextTry: NOW, priority: 3 },
      ['wake'],
    ],
    [
      'does not bring back what was deleted',
      { ...newRepo(did, 'f'), status: 'synchronized', reason: null, upstreamStatus: 'deleted' },
      listed(3),
      {},
      [],
    ],
    ['with the same rev confirms', unconfirmed, listed(2), { ...whole, confirmedAt: NOW }],
    ['does not clear a doubt, which may be newer', suspect, listed(2), { confirmedAt: NOW }, []],
    [
      'with a newer rev gives the stream time',
      base,
      listed(3),
      { status: 'suspect', reason: 'behind', claimed: rev(3), nextTry: NOW + 30_000, priority: 4 },
    ],
    ['with an older rev says nothing', unconfirmed, listed(1), {}, []],
    ['says how new a copy has to be', broken, listed(5), { claimed: rev(5) }],
    [
      'while it is read has to be looked at behind that: the copy may be older',
      running(),
      listed(5),
      { claimed: rev(5), lost: 'behind' },
      [],
    ],
    ['also when anything may have happened', running({ claimed: UNKNOWN }), listed(5), { lost: 'behind' }],
    ['keeps what was lost before', running({ lost: 'rev-future' }), listed(5), { claimed: rev(5) }],
    ['of the head is no news to a read', running(), listed(2), {}, []],
    ['of what a copy must have anyway neither', running({ floor: rev(5) }), listed(5), { claimed: rev(5) }],
    ['one above that is', running({ floor: rev(4) }), listed(5), { claimed: rev(5), lost: 'behind' }],
    [
      'while the queue is worked off, too',
      running({ phase: 'draining' }),
      listed(5),
      { claimed: rev(5), lost: 'behind' },
    ],
    [
      'wakes what was given up',
      state({ status: 'terminal' }),
      listed(3),
      { status: 'desynchronized', reason: 'listed', claimed: rev(3), nextTry: NOW, priority: 3 },
    ],
    [
      'does not say what else was missed by what was given up',
      state({ status: 'terminal', claimed: UNKNOWN }),
      listed(3),
      { status: 'desynchronized', reason: 'listed', nextTry: NOW, priority: 3 },
    ],
  ])
})

const asked = { triedAt: NOW, attempts: 1 }
describe('a check', () => {
  table([
    [
      'that finds what was claimed does not wait for the stream, whatever the doubt',
      state({ status: 'unconfirmed', reason: 'source-gap', claimed: rev(3), nextTry: NOW }),
      checked(3),
      { ...asked, status: 'desynchronized', reason: 'behind', nextTry: NOW, priority: 0, attempts: 0 },
    ],
    [
      'that fails again and again is made less and less often',
      state({ ...suspect, attempts: 2 }),
      { kind: 'check-failed', retryAfterMs: 0, jitter: 0.5 },
      { triedAt: NOW, attempts: 3, nextTry: NOW + 40_000 },
    ],
    [
      'that finds the head clears the doubt',
      suspect,
      checked(2),
      { ...whole, ...asked, confirmedAt: NOW - 10 },
      [],
    ],
    [
      'that finds what was refused has the repo read',
      suspect,
      checked(3),
      { ...asked, status: 'desynchronized', reason: 'behind', nextTry: NOW, priority: 0, attempts: 0 },
      ['wake'],
    ],
    [
      'after a gap gives the stream time',
      unconfirmed,
      checked(3),
      { ...asked, status: 'suspect', reason: 'behind', claimed: rev(3), nextTry: NOW + 30_000, priority: 4 },
    ],
    [
      'that finds no repo has it read, to learn what became of it',
      suspect,
      checked(null),
      { ...asked, status: 'desynchronized', reason: 'not-found', nextTry: NOW, priority: 0, attempts: 0 },
    ],
    [
      'that finds less is not believed',
      suspect,
      checked(1),
      { ...asked, status: 'suspect', reason: 'host-behind', nextTry: NOW + 120_000 },
    ],
    [
      'unless the head came after the question',
      state({ ...suspect, confirmedAt: NOW - 5 }),
      checked(1),
      { ...whole, ...asked, confirmedAt: NOW - 5 },
    ],
    [
      'answered before the last doubt is made again',
      suspect,
      checked(2, NOW - 10, true),
      { ...asked, nextTry: NOW + 120_000 },
      ['wake', 'doubted'],
    ],
    [
      'also of a repo that nobody has',
      { ...newRepo(did, 'f'), claimed: rev(3), nextTry: NOW },
      checked(null, NOW - 10, true),
      { ...asked, status: 'desynchronized', reason: 'not-found', priority: 2, attempts: 0 },
    ],
    ['that comes too late says nothing', broken, checked(2), {}, []],
    ['nor to what is whole again', base, checked(3), {}, []],
    [
      'that fails is tried again later',
      suspect,
      { kind: 'check-failed', retryAfterMs: 0, jitter: 0.5 },
      { ...asked, nextTry: NOW + 10_000 },
    ],
    [
      'not before the host wants it',
      suspect,
      { kind: 'check-failed', retryAfterMs: 77_000, jitter: 0 },
      { ...asked, nextTry: NOW + 77_000 },
    ],
  ])
})

describe('a visit', () => {
  const visited = (gapAt: number | null, settled = false): RepoFact => ({ kind: 'visited', gapAt, settled })
  table([
    [
      'for another filter leaves an inactive account as it is',
      state({ filter: 'old', upstreamStatus: 'deactivated' }),
      { kind: 'visited', gapAt: null, settled: false },
      {},
      [],
    ],
    [
      'doubts a repo that was confirmed in the very moment of the gap',
      base,
      { kind: 'visited', gapAt: 5, settled: false },
      { status: 'unconfirmed', reason: 'source-gap' },
    ],
    ['finds nothing', base, visited(null), {}, []],
    ['finds a gap since', base, visited(6), { status: 'unconfirmed', reason: 'source-gap' }],
    ['finds none since', base, visited(4), {}, []],
    ['asks when the lists are read', unconfirmed, visited(6, true), { nextTry: NOW, priority: 4 }, ['wake']],
    [
      'asks at once, and begins to count its tries anew, however many gaps there were before',
      { ...unconfirmed, triedAt: NOW - 1, attempts: 9 },
      visited(6, true),
      { nextTry: NOW, priority: 4, attempts: 0 },
      ['wake'],
    ],
    [
      'asks of one that was just read from a mirror after the pause between two tries',
      { ...unconfirmed, triedAt: NOW - 1 },
      { kind: 'visited', gapAt: null, settled: true, tries: 0 },
      { nextTry: NOW - 1 + 60_000, priority: 4, attempts: 1 },
      ['wake'],
    ],
    [
      'asks of it more and more seldom',
      { ...unconfirmed, triedAt: NOW - 1 },
      { kind: 'visited', gapAt: null, settled: true, tries: 3 },
      { nextTry: NOW - 1 + 8 * 60_000, priority: 4, attempts: 4 },
      ['wake'],
    ],
    [
      'asks of it at once when the pause is over',
      { ...unconfirmed, triedAt: NOW - 60_001 },
      { kind: 'visited', gapAt: null, settled: true, tries: 0 },
      { nextTry: NOW, priority: 4, attempts: 1 },
      ['wake'],
    ],
    [
      'finds rows of another filter',
      state({ filter: 'old' }),
      visited(null),
      { status: 'desynchronized', reason: 'filter-changed', nextTry: NOW, priority: 3 },
    ],
    ['finds none of another filter yet', { ...newRepo(did, 'old') }, visited(null), { filter: 'f' }],
    ['takes over rows of a time without filters', state({ filter: '' }), visited(null), { filter: 'f' }, []],
    ['leaves what will be read anyway', { ...broken, filter: 'old' }, visited(null), {}, []],
    [
      'without a resync says that a part is missing',
      state({ filter: 'old' }),
      visited(null),
      { filter: 'f', flags: ['gap'], partialSince: rev(2) },
      [],
      { resync: false },
    ],
  ])
})

describe('a resync', () => {
  const begun: RepoFact = { kind: 'begun' }
  table([
    [
      'begins, with an epoch of its own',
      broken,
      begun,
      { status: 'resyncing', epoch: 1, phase: 'reading', triedAt: NOW },
      [],
    ],
    ['not before it is due', { ...broken, nextTry: NOW + 1 }, begun, {}, ['stale']],
    ['not when nothing is due', { ...broken, nextTry: null }, begun, {}, ['stale']],
    ['not of a repo that is whole', { ...base, nextTry: NOW }, begun, {}, ['stale']],
    ['not for a doubt that can be checked', { ...suspect, nextTry: NOW }, begun, {}, ['stale']],
    [
      'for a doubt that cannot',
      { ...suspect, nextTry: NOW },
      begun,
      { status: 'resyncing', epoch: 1, phase: 'reading', triedAt: NOW },
      [],
      { check: false },
    ],
    ['not of an inactive account', { ...broken, upstreamStatus: 'x' }, begun, { nextTry: null }, ['stale']],
    [
      'unless somebody wants it',
      { ...broken, upstreamStatus: 'x', reason: 'requested' },
      begun,
      { status: 'resyncing', epoch: 1, phase: 'reading', triedAt: NOW },
    ],
    [
      'or the app refused what may have been its return',
      { ...broken, upstreamStatus: 'x', reason: 'app-failed' },
      begun,
      { status: 'resyncing', epoch: 1, phase: 'reading', triedAt: NOW },
    ],
    [
      'though not while it is hidden here',
      { ...broken, upstreamStatus: 'x', localStatus: 'hidden', reason: 'app-failed' },
      begun,
      { nextTry: null },
      ['stale'],
    ],
    [
      'begins anew after a crash; what was half applied is nothing',
      running({ phase: 'applying', lost: 'x' }),
      begun,
      { epoch: 5, phase: 'reading', rev: null, data: null, floor: rev(2), lost: null, triedAt: NOW },
    ],
    [
      'goes on after a crash when only the queue is left',
      running({ phase: 'draining', lost: 'x' }),
      begun,
      { epoch: 5, triedAt: NOW },
    ],
    [
      'of an account said to be inactive: its host says otherwise by giving it',
      running({ upstreamStatus: 'x' }),
      part(4, 5, true),
      { rev: rev(5), data: data(5), claimed: UNKNOWN, phase: 'draining', confirmedAt: NOW - 1 },
    ],
    [
      'a mirror by that says nothing',
      running({ upstreamStatus: 'x' }),
      part(4, 5, true, false),
      { rev: rev(5), data: data(5), phase: 'draining' },
    ],
    ['hands over a part', running(), part(4, 5, false), { phase: 'applying', floor: rev(5) }, []],
    [
      'hands over the last part',
      running({ floor: rev(4), claimed: rev(5), flags: ['gap'], partialSince: rev(2), filter: 'old' }),
      part(4, 5, true, false),
      {
        rev: rev(5),
        data: data(5),
        floor: null,
        claimed: null,
        flags: [],
        partialSince: null,
        filter: 'f',
        phase: 'draining',
      },
      [],
    ],
    [
      'a mirror does not refute what is claimed',
      running({ claimed: rev(6) }),
      part(4, 5, true, false),
      { rev: rev(5), data: data(5), phase: 'draining' },
    ],
    [
      'its own host does',
      running({ claimed: rev(6) }),
      part(4, 5, true, true),
      { rev: rev(5), data: data(5), confirmedAt: NOW - 1, phase: 'draining', claimed: null },
    ],
    [
      'that reaches what was listed meanwhile leaves nothing to look at',
      running({ claimed: rev(5), lost: 'behind' }),
      part(4, 5, true, true),
      { rev: rev(5), data: data(5), confirmedAt: NOW - 1, phase: 'draining', claimed: null, lost: null },
    ],
    [
      'that does not, does',
      running({ claimed: rev(6), lost: 'behind' }),
      part(4, 5, true, true),
      { rev: rev(5), data: data(5), confirmedAt: NOW - 1, phase: 'draining', claimed: null },
    ],
    [
      'that reaches it does not make up for an event that was lost',
      running({ claimed: rev(5), lost: 'rev-future' }),
      part(4, 5, true, true),
      { rev: rev(5), data: data(5), confirmedAt: NOW - 1, phase: 'draining', claimed: null },
    ],
    ['an older copy is not taken', running(), part(4, 1, true), {}, ['stale']],
    ['nor one older than what is proved', running({ floor: rev(5) }), part(4, 4, true), {}, ['stale']],
    ['of an older epoch is nothing', running(), part(3, 5, true), {}, ['stale']],
    ['that ended is nothing', broken, part(0, 5, true), {}, ['stale']],
    [
      'is done when its queue is',
      running({ phase: 'draining', attempts: 3 }),
      { kind: 'drained', epoch: 4 },
      { ...whole, phase: null },
      [],
    ],
    [
      'that lost an event is checked',
      running({ phase: 'draining', lost: 'queue-full' }),
      { kind: 'drained', epoch: 4 },
      {
        ...whole,
        status: 'suspect',
        reason: 'queue-full',
        phase: null,
        lost: null,
        priority: 4,
        nextTry: NOW - 1 + 60_000,
      },
      ['wake', 'doubted'],
    ],
    [
      'that lost an event, with something claimed, is checked once',
      running({ phase: 'draining', claimed: rev(5), lost: 'behind' }),
      { kind: 'drained', epoch: 4 },
      {
        status: 'suspect',
        reason: 'behind',
        phase: null,
        lost: null,
        priority: 4,
        nextTry: NOW - 1 + 60_000,
      },
      ['wake', 'doubted'],
    ],
    [
      'whose last part was applied for other collections is read again',
      running({ phase: 'draining', filter: 'old' }),
      { kind: 'drained', epoch: 4 },
      {
        status: 'desynchronized',
        reason: 'filter-changed',
        phase: null,
        priority: 3,
        nextTry: NOW,
      },
      ['wake'],
    ],
    [
      'whose last part was applied for other collections, and that lost an event, does not forget that',
      running({ phase: 'draining', filter: 'old', lost: 'queue-full' }),
      { kind: 'drained', epoch: 4 },
      {
        status: 'desynchronized',
        reason: 'filter-changed',
        claimed: UNKNOWN,
        phase: null,
        lost: null,
        priority: 3,
        nextTry: NOW,
      },
      ['wake'],
    ],
    [
      'with something claimed is checked',
      running({ phase: 'draining', claimed: rev(5) }),
      { kind: 'drained', epoch: 4 },
      { status: 'suspect', reason: 'behind', phase: null, priority: 4, nextTry: NOW - 1 + 60_000 },
      ['wake'],
    ],
    [
      'of an account said to be inactive waits for the word of its host',
      running({ phase: 'draining', upstreamStatus: 'x', claimed: UNKNOWN }),
      { kind: 'drained', epoch: 4 },
      { status: 'suspect', reason: 'account-inactive', phase: null, priority: 4, nextTry: null },
      [],
    ],
    [
      'of an older epoch is not done',
      running({ phase: 'draining' }),
      { kind: 'drained', epoch: 3 },
      {},
      ['stale'],
    ],
    [
      'that fails is tried again',
      running(),
      failed(4),
      { status: 'desynchronized', reason: 'fetch-failed', nextTry: NOW + 10_000, attempts: 1, phase: null },
      ['drop-queue'],
    ],
    [
      'and what was queued is gone: who knows how new that was',
      running({ claimed: rev(4) }),
      failed(4, { queued: true }),
      {
        status: 'desynchronized',
        reason: 'fetch-failed',
        nextTry: NOW + 10_000,
        attempts: 1,
        phase: null,
        claimed: UNKNOWN,
      },
      ['drop-queue'],
    ],
    [
      'later each time',
      running({ attempts: 2 }),
      failed(4),
      { status: 'desynchronized', reason: 'fetch-failed', nextTry: NOW + 40_000, attempts: 3, phase: null },
    ],
    [
      'up to a bound',
      running({ attempts: 20 }),
      failed(4, { jitter: 1 }),
      { status: 'desynchronized', reason: 'fetch-failed', nextTry: NOW + 125_000, attempts: 21, phase: null },
    ],
    [
      'not before the host wants it',
      running(),
      failed(4, { retryAfterMs: 3_600_000 }),
      {
        status: 'desynchronized',
        reason: 'fetch-failed',
        nextTry: NOW + 3_600_000,
        attempts: 1,
        phase: null,
      },
    ],
    [
      'that fails half applied leaves no head',
      running({ phase: 'applying', lost: 'x' }),
      failed(4),
      {
        status: 'desynchronized',
        reason: 'fetch-failed',
        nextTry: NOW + 10_000,
        attempts: 1,
        phase: null,
        lost: null,
        rev: null,
        data: null,
        floor: rev(2),
      },
    ],
    [
      'that fails for good is not tried again',
      running(),
      failed(4, { terminal: true, reason: 'repo-not-found' }),
      { status: 'terminal', reason: 'repo-not-found', nextTry: null, attempts: 1, phase: null },
    ],
    [
      'ends for good, and the host is to be asked whether the account is gone: also by the next process',
      running(),
      failed(4, { terminal: true, reason: 'repo-not-found', canAsk: true }),
      {
        status: 'terminal',
        reason: 'repo-not-found',
        phase: null,
        nextTry: null,
        attempts: 1,
        hearsay: { status: 'deleted', askAt: NOW, tries: 0, gone: 0 },
      },
      ['drop-queue'],
    ],
    [
      'ends for good, and the host is to be asked for the status',
      running(),
      failed(4, { terminal: true, reason: 'repo-takendown', canAsk: true }),
      {
        status: 'terminal',
        reason: 'repo-takendown',
        phase: null,
        nextTry: null,
        attempts: 1,
        hearsay: { status: 'active', askAt: NOW, tries: 0, gone: 0 },
      },
      ['drop-queue'],
    ],
    ['of an older epoch does not fail', running(), failed(3), {}, ['stale']],
    [
      'that fails, of a repo that was followed until then, leaves a gap in it',
      running({ priority: 4 }),
      failed(4),
      {
        status: 'desynchronized',
        reason: 'fetch-failed',
        nextTry: NOW + 10_000,
        attempts: 1,
        phase: null,
        priority: 0,
      },
    ],
    [
      'also half applied',
      running({ priority: 4, phase: 'applying' }),
      failed(4),
      {
        status: 'desynchronized',
        reason: 'fetch-failed',
        nextTry: NOW + 10_000,
        attempts: 1,
        phase: null,
        rev: null,
        data: null,
        floor: rev(2),
        priority: 0,
      },
    ],
    [
      'not of one that never was',
      running({ priority: 4, rev: null, data: null }),
      failed(4),
      { status: 'desynchronized', reason: 'fetch-failed', nextTry: NOW + 10_000, attempts: 1, phase: null },
    ],
    [
      'not of one that waited in the backlog',
      running({ priority: 3 }),
      failed(4),
      { status: 'desynchronized', reason: 'fetch-failed', nextTry: NOW + 10_000, attempts: 1, phase: null },
    ],
    [
      'put off, of a repo that was followed until then, leaves a gap in it',
      running({ priority: 4 }),
      { kind: 'postponed', epoch: 4, until: NOW + 50, queued: false },
      { status: 'desynchronized', nextTry: NOW + 50, phase: null, priority: 0 },
    ],
    [
      'that its host has no time for waits',
      running({ attempts: 2 }),
      { kind: 'postponed', epoch: 4, until: NOW + 50, queued: false },
      { status: 'desynchronized', nextTry: NOW + 50, phase: null },
      ['drop-queue'],
    ],
    [
      'and what was queued meanwhile is gone',
      running(),
      { kind: 'postponed', epoch: 4, until: NOW + 50, queued: true },
      { status: 'desynchronized', nextTry: NOW + 50, phase: null, claimed: UNKNOWN },
      ['drop-queue'],
    ],
  ])
})

describe('a list of a rev that does not exist, while a repo is read', () => {
  const forged: RepoFact = { kind: 'listed', rev: rev(6), at: NOW }
  const play = (
    before: RepoState,
    facts: readonly RepoFact[],
    change: Partial<RepoPolicy> = {},
  ): RepoState => {
    let repo = before
    for (const fact of facts) {
      // Each thing happens as soon as it is due.
      const now = fact.kind === 'begun' ? Math.max(NOW, repo.nextTry ?? NOW) : NOW
      const step = next(repo, fact, { ...policy, ...change }, now)
      expect(step.effects).not.toContain('stale')
      repo = step.state
    }
    return repo
  }

  it('costs one question', () => {
    const listed = play(running(), [forged, part(4, 5, true), { kind: 'drained', epoch: 4 }])
    expect(listed).toMatchObject({ status: 'suspect', reason: 'behind', nextTry: NOW - 1 + 60_000 })
    expect(play(listed, [checked(5)])).toMatchObject({ status: 'synchronized', nextTry: null })
  })

  it('costs one more read where nobody can be asked, and no third', () => {
    const change = { check: false }
    const listed = play(running(), [forged, part(4, 5, true), { kind: 'drained', epoch: 4 }], change)
    expect(listed).toMatchObject({ status: 'suspect', reason: 'behind', nextTry: NOW - 1 + 60_000 })
    const again: RepoFact[] = [{ kind: 'begun' }, part(5, 5, true), { kind: 'drained', epoch: 5 }]
    expect(play(listed, again, change)).toMatchObject({ status: 'synchronized', nextTry: null, epoch: 5 })
  })

  it('costs one read in an interval where it is told in each', () => {
    const change = { check: false }
    let repo = running()
    for (let epoch = 4; epoch < 8; epoch++) {
      repo = play(repo, [forged, forged, part(epoch, 5, true), { kind: 'drained', epoch }], change)
      expect(repo.nextTry! - repo.triedAt!).toBe(60_000)
      repo = play(repo, [{ kind: 'begun' }], change)
    }
  })
})

describe('the way of an event', () => {
  it.each([
    [null, 'judge', 'judge'],
    [base, 'judge', 'judge'],
    [unconfirmed, 'judge', 'judge'],
    [suspect, 'judge', 'judge'],
    [state({ status: 'terminal' }), 'judge', 'judge'],
    [broken, 'ignore', 'judge'],
    [running(), 'queue', 'queue'],
  ] as const)('%#', (before, commit, sync) => {
    expect(route(before, 'commit', policy)).toBe(commit)
    expect(route(before, 'sync', policy)).toBe(sync)
    expect(route(before, 'commit', { ...policy, resync: false })).toBe('judge')
  })
})

it('whatever happens, in any order: 20 000 facts', () => {
  const random = createRandom(11)
  let repo = newRepo(did, 'f')
  let now = NOW
  const seenStatuses = new Set<string>()
  for (let i = 0; i < 20_000; i++) {
    now += random.below(40_000)
    const n = random.below(8)
    const facts: readonly RepoFact[] = [
      accepted(n, random.below(5) === 0 ? ['first-sighting'] : []),
      { kind: 'broken', reason: 'chain-since', rev: rev(n) },
      doubt({ claimed: rev(n) }),
      { kind: 'app-failed', rev: rev(n), said: null },
      {
        kind: 'account',
        status: random.pick(['active', 'active', 'active', 'deactivated', 'deleted']),
        at: null,
      },
      { kind: 'hearsay', status: 'deleted', askAt: now + n },
      { kind: 'unheard', gone: random.below(2) === 0, retryAfterMs: 0, jitter: 0.5 },
      { kind: 'unasked', until: now + n },
      { kind: 'local', status: random.below(5) === 0 ? 'takendown' : 'active' },
      { kind: 'identity' },
      { kind: 'requested', reason: 'requested', claimed: null },
      { kind: 'listed', rev: rev(n), at: now },
      checked(random.below(5) === 0 ? null : n, now - 10),
      { kind: 'visited', gapAt: random.below(3) === 0 ? now : null, settled: random.below(2) === 0 },
      { kind: 'begun' },
      { kind: 'begun' },
      part(repo.epoch - random.below(2), n, random.below(2) === 0),
      part(repo.epoch, n, true),
      { kind: 'drained', epoch: repo.epoch - random.below(2) },
      failed(repo.epoch - random.below(2), {
        terminal: random.below(4) === 0,
        canAsk: true,
      }),
      { kind: 'postponed', epoch: repo.epoch, until: now + 5, queued: random.below(2) === 0 },
    ]
    const fact = random.pick(facts)
    const before = repo
    const step = next(repo, fact, policy, now)
    repo = step.state
    seenStatuses.add(repo.status)
    const about = `${fact.kind} on ${JSON.stringify(before)} gave ${JSON.stringify(repo)}`
    expect((repo.status === 'resyncing') === (repo.phase !== null), about).toBe(true)
    expect((repo.rev === null) === (repo.data === null), about).toBe(true)
    expect(repo.epoch, about).toBeGreaterThanOrEqual(before.epoch)
    if (repo.status === 'synchronized') {
      expect([repo.floor, repo.claimed, repo.nextTry, repo.reason], about).toEqual([null, null, null, null])
    } else {
      expect(repo.reason, about).not.toBe(null)
    }
    if (repo.status !== 'resyncing') expect(repo.lost, about).toBe(null)
    // What is off and active is due some time, or was given up.
    const active = repo.upstreamStatus === 'active' && repo.localStatus === 'active'
    if (active && ['suspect', 'desynchronized', 'resyncing'].includes(repo.status)) {
      expect(repo.nextTry, about).not.toBe(null)
    }
    // What a relay says changes nothing but what it is asked about.
    if (['hearsay', 'unheard', 'unasked'].includes(fact.kind)) {
      expect({ ...repo, hearsay: before.hearsay }, about).toEqual(before)
      expect(step.effects, about).toEqual([])
    }
    // Only what is gone forgets what was proved; nothing takes the head back.
    const known = (s: RepoState): string => [s.rev ?? '', s.floor ?? ''].toSorted().at(-1)!
    if (!(fact.kind === 'account' && fact.status === 'deleted') && !(fact.kind === 'accepted')) {
      expect(known(repo) >= known(before), about).toBe(true)
    }
    if (step.effects.includes('stale') && fact.kind !== 'begun') expect(repo, about).toBe(before)
  }
  expect([...seenStatuses].toSorted()).toEqual([...REPO_STATUSES].toSorted())
})
