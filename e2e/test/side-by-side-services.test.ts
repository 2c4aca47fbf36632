// Services behind both servers: what reaches them, whether each token holds, and what comes back to the client.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { AllowList } from '../side-by-side/allow-list.ts'
import { ALLOWED_SERVICES } from '../side-by-side/allowed-services.ts'
import type { Values } from '../side-by-side/calls.ts'
import type { ServiceStep } from '../side-by-side/calls/service-step.ts'
import { SERVICE_STEPS } from '../side-by-side/calls/services.ts'
import type { Difference } from '../side-by-side/compare.ts'
import { Comparison } from '../side-by-side/run.ts'
import { findReference, startSides } from '../side-by-side/servers.ts'
import type { Reached, StubAnswer } from '../side-by-side/stub-service.ts'

const reference = await findReference()
const NAMES = ['reference', 'avocet'] as const

describe.skipIf(!reference.ok)('services behind the server', () => {
  const list = new AllowList(ALLOWED_SERVICES)
  const differences = new Map<string, readonly Difference[]>()
  const reached = { reference: new Map<string, Reached[]>(), avocet: new Map<string, Reached[]>() }
  let comparison: Comparison

  beforeAll(async () => {
    if (!reference.ok) return
    comparison = new Comparison(await startSides(reference))
    for (const { call, answers } of SERVICE_STEPS) {
      for (const name of NAMES) await prepare(comparison[name], answers)
      await comparison.run([call])
      for (const name of NAMES) reached[name].set(call.name, collect(comparison[name]))
      const [theirs, ours] = NAMES.map((name) => reached[name].get(call.name))
      const arrived = comparison.comparer.values(call.name, 'reached', theirs, ours)
      differences.set(call.name, [...comparison.outcomes.get(call.name)!.differences, ...arrived])
    }
  }, 300_000)
  afterAll(async () => {
    await comparison?.sides.stop()
  })

  test.each(SERVICE_STEPS)('$call.name', ({ call }) => {
    expect(list.unlisted(differences.get(call.name)!)).toEqual([])
  })

  test('every entry of the allow-list is needed', () => {
    expect(list.stale()).toEqual([])
  })

  test.each(NAMES)('every token of the %s server holds: signature, audience, method, expiry', (name) => {
    const tokens = [...reached[name].values()].flat().flatMap(({ token }) => token ?? [])
    expect(tokens.length).toBeGreaterThan(50)
    expect(tokens.filter(({ verdict, lifetime }) => verdict !== 'valid' || lifetime > 60)).toEqual([])
  })
})

async function prepare(values: Values, answers: ServiceStep['answers']): Promise<void> {
  const { appView, moderation } = values.side
  if (answers !== undefined) appView.answer((await values.fill(answers)) as Record<string, StubAnswer>)
  for (const stub of [appView, moderation]) stub.reached.length = 0
}

const collect = ({ side }: Values): Reached[] => [...side.appView.reached, ...side.moderation.reached]
