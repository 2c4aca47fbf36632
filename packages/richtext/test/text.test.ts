import { describe, expect, it } from 'vitest'
import { build, link, mention, shortenLinks, tag, toText } from '../src/index.ts'

const DID = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
const long = 'https://example.com/2026/11/a-long-way?to=go'

describe('a plain text', () => {
  it.each([
    [build([mention('@bob', DID), ' ', tag('a')]), '@bob #a'],
    [build(['see ', link('our site', 'https://a.io'), '.']), 'see our site (https://a.io).'],
    [build([link('https://a.io', 'https://a.io')]), 'https://a.io'],
    [build([link('a.io', 'https://a.io')]), 'a.io'],
    [build([link('a.io', 'https://a.io/')]), 'a.io'],
    [build([link('a.io/…', 'https://a.io/b')]), 'https://a.io/b'],
    [build([link('a.io/...', 'http://a.io/b')]), 'http://a.io/b'],
    [build([link('b.io/…', 'https://a.io/b')]), 'b.io/… (https://a.io/b)'],
    [build([link('…', 'https://a.io/b')]), '… (https://a.io/b)'],
    [build([link('bank.com', 'https://a.io')]), 'bank.com (https://a.io)'],
  ])('says all that is linked: %j', (rich, expected) => {
    expect(toText(rich)).toBe(expected)
  })
})

describe('links', () => {
  it.each([
    [long, 'example.com/2026/11/a-lon…'],
    [long.slice(8), 'example.com/2026/11/a-lon…'],
    ['https://example.com/', 'example.com'],
    ['https://example.com', 'example.com'],
    ['https://example.com/a', 'example.com/a'],
    ['https://example.com/12345678901234', 'example.com/12345678901234'],
    ['https://example.com/123456789012345', 'example.com/1234567890123…'],
    ['https://example.com?aaaaaaaaaaaaaaa', 'example.com?aaaaaaaaaaaaa…'],
    ['https://example.com/👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', 'example.com/👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦'],
    [`https://${'a'.repeat(50)}.com/b`, `${'a'.repeat(50)}.com/b`],
  ])('that show their address are shortened: %s', (text, expected) => {
    const uri = text.startsWith('http') ? text : `https://${text}`
    const rich = shortenLinks(build(['é ', link(text, uri), ' ', tag('a')]))
    expect(rich).toEqual(build(['é ', link(expected, uri), ' ', tag('a')]))
    expect(toText(rich)).toContain(
      text === 'https://example.com/' ? expected : expected.endsWith('…') ? uri : expected,
    )
  })

  it('that show something else stay, and so do mentions and tags', () => {
    const rich = build([
      'a',
      link('our site', long),
      link(long.slice(20), long),
      mention('@bob', DID),
      tag('a'),
      'b',
    ])
    expect(shortenLinks(rich)).toEqual(rich)
  })

  it('show as much as they are told', () => {
    expect(shortenLinks(build([link(long, long)]), 5).text).toBe('example.com/202…')
    expect(shortenLinks(build([link(long, long)]), 1).text).toBe('example.com…')
  })
})
