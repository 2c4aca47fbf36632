// Every case of the conformance suite on `consume`, in-process, with the reason it must give.

import { describe, expect, it } from 'vitest'
import { CASES } from '../src/conformance/suite.ts'
import { playCase } from './play-case.ts'

describe('conformance cases, in process', () => {
  it('are about sixty or more, each with its own name', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(60)
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length)
  })

  for (const item of CASES) {
    it(`${item.group}: ${item.name}`, async () => {
      const { verdicts, expected } = await playCase(item)
      expect(verdicts).toEqual(expected)
    })
  }
})
