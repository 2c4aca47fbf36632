// The same situations of accounts on both servers: their firehoses show the same events, in the same order.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { AllowList } from '../side-by-side/allow-list.ts'
import { ALLOWED_EVENTS } from '../side-by-side/allowed-events.ts'
import { post, signUp } from '../side-by-side/calls.ts'
import { STEPS } from '../side-by-side/calls/situations.ts'
import { compareEvents, type Difference } from '../side-by-side/compare.ts'
import { Comparison } from '../side-by-side/run.ts'
import { findReference, startSides, type Side } from '../side-by-side/servers.ts'
import { listen, subscribe, type StreamEvent, type Subscription } from '../side-by-side/streams.ts'

const reference = await findReference()
const NAMES = ['reference', 'avocet'] as const

describe.skipIf(!reference.ok)('the firehose', () => {
  const list = new AllowList(ALLOWED_EVENTS)
  const shown = new Map<string, { reference: StreamEvent[]; avocet: StreamEvent[] }>()
  const differences = new Map<string, Difference[]>()
  let comparison: Comparison

  beforeAll(async () => {
    if (!reference.ok) return
    comparison = new Comparison(await startSides(reference))
    const { sides } = comparison
    const open = (side: Side): Promise<Subscription> => subscribe(side.url)
    const streams = { reference: await open(sides.reference), avocet: await open(sides.avocet) }
    await comparison.run([signUp('marker'), mark(-1)])
    await Promise.all(NAMES.map((side) => streams[side].until(isMark(-1))))
    for (const [i, { name, calls }] of STEPS.entries()) {
      await comparison.run([...calls, mark(i)])
      const [theirs, ours] = await Promise.all(
        NAMES.map(async (side) => (await streams[side].until(isMark(i))).slice(0, -1)),
      )
      shown.set(name, { reference: theirs!, avocet: ours! })
      differences.set(name, compareEvents(comparison.comparer, name, theirs!, ours!))
    }
    for (const side of NAMES) streams[side].close()
  }, 300_000)
  afterAll(async () => {
    await comparison?.sides.stop()
  })

  test.each(STEPS)('$name', ({ name }) => {
    expect(list.unlisted(differences.get(name)!)).toEqual([])
  })

  test('every entry of the allow-list is needed', () => {
    expect(list.stale()).toEqual([])
  })

  test.each(NAMES)('the numbers of the %s server only grow', (side) => {
    const numbers = [...shown.values()].flatMap((events) => events[side].map(({ seq }) => seq))
    expect(numbers.length).toBeGreaterThan(STEPS.length)
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b))
  })

  test.each([
    ['a cursor in the future', '?cursor=999999999', { first: 'FutureCursor', closed: 1008 }],
    ['the last event again', '?cursor=last', { first: '#commit', closed: null }],
    ['no cursor', '', { first: null, closed: null }],
    ['an empty cursor', '?cursor=', { first: null, closed: null }],
  ])('%s', async (_situation, query, expected) => {
    for (const name of NAMES) {
      const side = comparison.sides[name]
      const all = await listen(side.url, '?cursor=0')
      const heard = await listen(side.url, query.replace('last', String(all.events.at(-1)!.seq - 1)))
      const first = heard.error ?? heard.events[0]?.type ?? null
      expect({ name, first, closed: heard.closed }).toEqual({ name, ...expected })
    }
  })
})

/** A record of the marker: what comes before it on the stream belongs to the calls before it. */
function mark(step: number) {
  const record = { $type: 'com.example.mark', step }
  const input = { repo: '{marker.did}', collection: 'com.example.mark', rkey: `mark-${step}`, record }
  return post('com.atproto.repo.createRecord', `mark ${step}`, input, { auth: 'marker', mustSucceed: true })
}

const isMark =
  (step: number) =>
  ({ type, body }: StreamEvent): boolean =>
    type === '#commit' && (body['ops'] as { path: string }[])[0]?.path === `com.example.mark/mark-${step}`
