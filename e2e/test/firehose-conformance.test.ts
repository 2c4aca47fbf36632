// The firehose conformance suite over real sockets: all of it on our consumer, and enough of it on published peers to see
// that it tells one from the other. The whole table: packages/firehose/README.md.

import {
  avocetAdapter,
  CASES,
  type CaseResult,
  type ConsumerAdapter,
  runConformance,
} from '@avocet/firehose/conformance'
import { describe, expect, it } from 'vitest'
import atcute from '../support/firehose-atcute.ts'
import atprotoSync from '../support/firehose-atproto-sync.ts'

async function run(
  adapter: ConsumerAdapter,
  timeoutMs: number,
  only?: string[],
): Promise<Map<string, CaseResult>> {
  const { results } = await runConformance(adapter, {
    timeoutMs,
    ...(only === undefined ? {} : { only }),
  })
  return new Map(results.map((result) => [result.name, result]))
}

const outcome = (result: CaseResult | undefined): string => {
  if (result === undefined) return 'missing'
  if (result.ok) return 'right'
  return result.mismatches.some(({ delivered, due }) => delivered > due) ? 'accepts' : 'loses'
}

describe('firehose conformance', () => {
  it('@avocet/firehose: every case right', { timeout: 120_000 }, async () => {
    const results = await run(avocetAdapter('workspace'), 10_000)
    expect(results.size).toBe(CASES.length)
    expect([...results.values()].filter(({ ok }) => !ok)).toEqual([])
  })

  it('@atproto/sync: signatures yes, inversion and chain no', { timeout: 30_000 }, async () => {
    const names = [
      'create-update-delete',
      'foreign-key',
      'operation-omitted',
      'since-forged',
      'replayed-commit',
    ]
    const results = await run(atprotoSync, 3000, names)
    expect(names.map((name) => outcome(results.get(name)))).toEqual([
      'right',
      'right',
      'accepts',
      'accepts',
      'accepts',
    ])
  })

  it('@atcute/firehose: delivers, verifies nothing', { timeout: 30_000 }, async () => {
    const names = ['create-update-delete', 'foreign-key', 'block-changed']
    const results = await run(atcute, 3000, names)
    expect(names.map((name) => outcome(results.get(name)))).toEqual(['right', 'accepts', 'accepts'])
  })
})
