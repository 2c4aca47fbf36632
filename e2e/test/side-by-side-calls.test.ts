// The same calls to the reference PDS and to Avocet's; whatever differs has to be on the allow-list, with its reason.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { AllowList } from '../side-by-side/allow-list.ts'
import { ALLOWED_CALLS } from '../side-by-side/allowed-calls.ts'
import { TABLES } from '../side-by-side/calls/index.ts'
import { Comparison } from '../side-by-side/run.ts'
import { findReference, startSides } from '../side-by-side/servers.ts'

const reference = await findReference()

describe.skipIf(!reference.ok)('the same calls', () => {
  const list = new AllowList(ALLOWED_CALLS)
  let comparison: Comparison

  beforeAll(async () => {
    if (!reference.ok) return
    comparison = new Comparison(await startSides(reference))
    for (const calls of Object.values(TABLES)) await comparison.run(calls)
  }, 300_000)
  afterAll(async () => {
    await comparison?.sides.stop()
  })

  describe.each(Object.entries(TABLES))('%s', (_table, calls) => {
    test.each(calls)('$name', ({ name }) => {
      expect(list.unlisted(comparison.outcomes.get(name)!.differences)).toEqual([])
    })
  })

  test('every entry of the allow-list is needed', () => {
    expect(list.stale()).toEqual([])
  })

  test('the counts', () => {
    const outcomes = [...comparison.outcomes.values()]
    const equal = outcomes.filter(({ differences }) => differences.length === 0).length
    const same = outcomes.filter(({ differences }) =>
      differences.every(({ aspect }) => aspect.startsWith('header ')),
    )
    const reasons = [...list.byReason()].toSorted(([, a], [, b]) => b - a)
    console.log(
      [
        `${outcomes.length} calls beside @atproto/pds ${reference.ok ? reference.version : ''}:`,
        `${same.length} equal in outcome and body, ${equal} in all headers too; the differences by reason:`,
        ...reasons.map(([reason, count]) => `${String(count).padStart(5)}  ${reason}`),
      ].join('\n'),
    )
    expect(outcomes.length).toBeGreaterThanOrEqual(300)
  })
})
