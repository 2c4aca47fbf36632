import tlds from 'tlds' with { type: 'json' }
import { describe, expect, it } from 'vitest'
import { isUsualTld } from '../src/index.ts'
import { isTld } from '../src/tlds.ts'

const NAMES = new Set(tlds.filter((name) => /^[a-z]+$/.test(name)))
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'.split('')
const TWO = LETTERS.flatMap((a) => LETTERS.map((b) => a + b))

describe('top-level domains', () => {
  it('are those of the list, and no others', () => {
    expect(NAMES.size).toBeGreaterThan(1200)
    expect([...NAMES].filter((name) => !isTld(name))).toEqual([])
    expect(TWO.filter(isTld)).toEqual(TWO.filter((name) => NAMES.has(name)))
    const others = [...NAMES].flatMap((name) => [name.slice(1), `${name}x`, name.toUpperCase()])
    expect(others.filter((name) => isTld(name) !== NAMES.has(name))).toEqual([])
    expect(['', 'js', 'txt', 'test', 'local', '1', 'constructor'].filter(isTld)).toEqual([])
    expect(isTld('xn--p1ai')).toBe(true)
  })

  it('that are usual are all country codes, and some of the others', () => {
    expect(TWO.filter(isUsualTld)).toEqual(TWO.filter((name) => NAMES.has(name)))
    expect(['com', 'org', 'social', 'xn--p1ai'].filter((name) => !isUsualTld(name))).toEqual([])
    expect(['', 'js', 'COM', 'xcom', 'comx', 'photography', 'com\n'].filter(isUsualTld)).toEqual([])
    expect([...NAMES].filter((name) => name.length > 2 && isUsualTld(name))).toHaveLength(40)
  })
})
