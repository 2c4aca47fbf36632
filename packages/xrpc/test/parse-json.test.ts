import { describe, expect, it } from 'vitest'
import { parseJson } from '../src/index.ts'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('parseJson', () => {
  it('gives what JSON.parse gives', () => {
    for (const text of ['null', '1.5', '"\\ud800"', '{"a":[{"__proto__":1}]}', nested(256)])
      expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text) })
  })

  it('refuses what is no JSON, one level too deep, or past the range of numbers', () => {
    for (const text of ['', '{', 'undefined', '{"a":1}x'])
      expect(parseJson(text)).toEqual({ ok: false, error: 'not-json' })
    expect(parseJson(nested(257))).toEqual({ ok: false, error: 'too-deep' })
    expect(parseJson(`{"a":${nested(2)}}`, 2)).toEqual({ ok: false, error: 'too-deep' })
    expect(parseJson(nested(200_000))).toEqual({ ok: false, error: 'too-deep' })
    for (const text of ['1e999', '[{"a":-1e999}]'])
      expect(parseJson(text)).toEqual({ ok: false, error: 'bad-number' })
  })
})
