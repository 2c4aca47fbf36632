// How long a consumer under test may take: for all cases, for a group, for one case.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseTimeLimits } from '../src/conformance/time-limit.ts'

describe('time limits', () => {
  const item = { name: 'costly-keys', group: 'costly' } as const
  it.each([
    [[], 3000],
    [['10'], 10],
    [['10', 'costly=20'], 20],
    [['costly=20', '10'], 20],
    [['costly-keys=30', 'costly=20', '10'], 30],
    [['costly=20', 'costly=21'], 21],
    [['waiting=20', 'costly-maps=30', '10'], 10],
    [['999999999'], 999_999_999],
  ])('%j', (texts, ms) => {
    expect(parseTimeLimits(texts)(item)).toBe(ms)
  })

  it.each([
    '',
    '0',
    '-1',
    '1.5',
    'x',
    '1e3',
    '1000000000',
    'costly',
    'costly=',
    'costly=0',
    '=5',
    'no-case=5',
  ])('refuses %j', (text) => {
    expect(() => parseTimeLimits([text])).toThrow(`timeout=${text}`)
  })
})

describe('the command', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'avocet-limits-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const run = (...args: readonly string[]): { readonly status: number | null; readonly text: string } => {
    const cli = join(import.meta.dirname, '../src/conformance/cli.ts')
    const { status, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' })
    return { status, text: stderr.trim() }
  }

  it('gives a slow consumer the time that its case is given', () => {
    // It takes what comes as verified, 700 ms late.
    const adapter = join(folder, 'slow.ts')
    const src = JSON.stringify(join(import.meta.dirname, '../src/conformance/adapter.ts'))
    writeFileSync(
      adapter,
      `import { avocetAdapter } from ${src}
const usual = avocetAdapter('test')
export default {
  ...usual,
  name: 'slow',
  start: (environment) =>
    usual.start({ ...environment, accepted: (seq) => setTimeout(() => environment.accepted(seq), 700) }),
}
`,
    )
    const only = ['--only', 'info-frame', '--report', join(folder, 'report.md'), adapter]
    expect(run('--timeout', '200', ...only)).toEqual({ status: 1, text: 'slow: info-frame: wrong' })
    expect(run('--timeout', '200', '--timeout', 'info-frame=10000', ...only)).toEqual({
      status: 0,
      text: 'slow: info-frame: right',
    })
  })

  it('refuses what is no limit', () => {
    expect(run('--timeout', 'soon')).toEqual({ status: 2, text: 'not a time in ms; timeout=soon' })
  })
})
