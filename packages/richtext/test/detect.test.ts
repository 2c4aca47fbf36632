import { describe, expect, it } from 'vitest'
import { detect, isUsualTld } from '../src/index.ts'
import { isTld } from '../src/tlds.ts'

/** What is found, as `kind value` where it is not what stands there, and the text. */
const found = (text: string, options = { isTld: isUsualTld }): string[] =>
  detect(text, options).map(({ kind, value, start, end }) => {
    const shown = text.slice(start, end)
    return shown.endsWith(value) ? `${kind} ${shown}` : `${kind} ${value} ${shown}`
  })

describe('a mention', () => {
  it.each<[string, string[]]>([
    ['@alice.example.com', ['mention @alice.example.com']],
    ['(@alice.example.com)', ['mention @alice.example.com']],
    ['Hi\n@alice.example.com, and @bob.test!', ['mention @alice.example.com', 'mention @bob.test']],
    ['@alice.example.com.', ['mention @alice.example.com']],
    ['@alice.example.com-', ['mention @alice.example.com']],
    ['@alice.example.comさん', ['mention @alice.example.com']],
    ["@alice.example.com's", ['mention @alice.example.com']],
    ['@xn--80ak6aa92e.com', ['mention @xn--80ak6aa92e.com']],
    ['@Alice.Example.Com', ['mention @Alice.Example.Com']],
    ['@alice@example.com', []],
    ['@alice', []],
    ['a@alice.example.com', []],
    ['"@alice.example.com"', []],
    ['@alice..com', []],
    ['@-alice.com', []],
    ['@alice.com_', []],
    ['@alice.com-_', []],
    ['@alice.1', []],
    [`@${'a'.repeat(63)}.com`, [`mention @${'a'.repeat(63)}.com`]],
    [`@${'a'.repeat(64)}.com`, []],
    ['＠alice.example.com', []],
  ])('%j', (text, expected) => {
    expect(found(text)).toEqual(expected)
  })
})

describe('a link', () => {
  it.each<[string, string[]]>([
    ['https://example.com', ['link https://example.com']],
    ['http://a', ['link http://a']],
    ['Https://example.com', ['link Https://example.com']],
    ['(https://example.com/a)', ['link https://example.com/a']],
    ['https://en.wikipedia.org/wiki/Foo_(bar).', ['link https://en.wikipedia.org/wiki/Foo_(bar)']],
    ['(https://en.wikipedia.org/wiki/Foo_(bar)).', ['link https://en.wikipedia.org/wiki/Foo_(bar)']],
    ['https://example.com...', ['link https://example.com']],
    ['https://example.com/?!', ['link https://example.com/']],
    ['https://example.com/a.b,c', ['link https://example.com/a.b,c']],
    ['https://日本語.jp/パス', ['link https://日本語.jp/パス']],
    ['https://example.com/a(b', ['link https://example.com/a(b']],
    ['https://', []],
    ['https://...', []],
    ['https://)', []],
    ['ftp://example.com', []],
    ['xhttps://example.com', []],
    ['“https://example.com”', []],
    ['https://example.com/\ud800', []],
    ['https://example.com/\u0001', []],
    [`https://a/${'b'.repeat(8182)}`, [`link https://a/${'b'.repeat(8182)}`]],
    [`https://a/${'b'.repeat(8183)}`, []],
  ])('%j', (text, expected) => {
    expect(found(text)).toEqual(expected)
  })
})

describe('an address without a scheme', () => {
  it.each<[string, string[]]>([
    ['example.com', ['link https://example.com example.com']],
    ['Example.com/a?b#c.', ['link https://Example.com/a?b#c Example.com/a?b#c']],
    ['my-site.co.uk:8080/x', ['link https://my-site.co.uk:8080/x my-site.co.uk:8080/x']],
    ['httpbin.org', ['link https://httpbin.org httpbin.org']],
    ['xn--e1afmkfd.xn--p1ai', ['link https://xn--e1afmkfd.xn--p1ai xn--e1afmkfd.xn--p1ai']],
    ["example.com's", ['link https://example.com example.com']],
    ['example.comを見て', ['link https://example.com example.com']],
    ['example.com:x', ['link https://example.com example.com']],
    ['(example.com)', ['link https://example.com example.com']],
    ['example.com(@bob.test', ['link https://example.com example.com', 'mention @bob.test']],
    ['example.com/(@bob.test', ['link https://example.com/(@bob.test example.com/(@bob.test']],
    ['example.com/ @bob.test', ['link https://example.com/ example.com/', 'mention @bob.test']],
    ['bob.me@example.com', []],
    ['foo.com-bar', []],
    ['foo.com_bar', []],
    ['5.pm', []],
    ['3.14', []],
    ['EXAMPLE.COM', []],
    ['node.js', []],
    ['file.txt', []],
    ['e.g.', []],
    ['münchen.de', []],
    [`${'a'.repeat(63)}.com`, [`link https://${'a'.repeat(63)}.com ${'a'.repeat(63)}.com`]],
    [`${'a'.repeat(64)}.com`, []],
    [`a.io/${'b'.repeat(8179)}`, [`link https://a.io/${'b'.repeat(8179)} a.io/${'b'.repeat(8179)}`]],
    [`a.io/${'b'.repeat(8180)}`, []],
  ])('%j', (text, expected) => {
    expect(found(text)).toEqual(expected)
  })

  it('is none where nobody says which domains there are', () => {
    expect(detect('example.com https://example.com')).toHaveLength(1)
  })

  it('ends in a domain that is known', () => {
    const text = 'example.photography'
    expect(found(text)).toEqual([])
    expect(found(text, { isTld })).toEqual(['link https://example.photography example.photography'])
    const asked: string[] = []
    detect('a.b.c x.y @d.e', { isTld: (tld) => asked.push(tld) < 0 })
    expect(asked).toEqual(['c', 'y'])
  })
})

describe('a tag', () => {
  const flag = '🇩🇪'
  // One character of 21 bytes.
  const tall = `a${'\u0301'.repeat(10)}`
  it.each<[string, string[]]>([
    ['#tag', ['tag #tag']],
    ['＃tag', ['tag ＃tag']],
    ['(#tag)', ['tag #tag']],
    ['#a #b\n#c', ['tag #a', 'tag #b', 'tag #c']],
    ['#tag?!”', ['tag #tag']],
    ['#日本語。', ['tag #日本語']],
    ['#1a', ['tag #1a']],
    ['##a', ['tag ##a']],
    ['#a-b_c.d', ['tag #a-b_c.d']],
    ['#a\u200bb', ['tag #a']],
    ['#a\u00adb', ['tag #a']],
    ['#a\u2060b', ['tag #a']],
    ['#a\u20e2b', ['tag #a']],
    ['#1\ufe0f\u20e3', ['tag #1\ufe0f\u20e3']],
    ['#\ufe0f\u20e3', []],
    ['#\ufe0f\u20e3(@bob.test)', ['mention @bob.test']],
    ['#', []],
    ['# a', []],
    ['#123', []],
    ['#1.5!', []],
    ['#!?', []],
    ['a#tag', []],
    ['#a\ud800', []],
    [`#${'a'.repeat(64)}`, [`tag #${'a'.repeat(64)}`]],
    [`#${'a'.repeat(65)}`, []],
    [`#${'a'.repeat(64)}!!`, [`tag #${'a'.repeat(64)}`]],
    [`#${flag.repeat(64)}`, [`tag #${flag.repeat(64)}`]],
    [`#${flag.repeat(65)}`, []],
    [`#${tall.repeat(30)}${'a'.repeat(10)}`, [`tag #${tall.repeat(30)}${'a'.repeat(10)}`]],
    [`#${tall.repeat(30)}${'a'.repeat(11)}`, []],
  ])('%j', (text, expected) => {
    expect(found(text)).toEqual(expected)
  })
})

describe('a cashtag', () => {
  it.each<[string, string[]]>([
    ['$AAPL', ['tag $AAPL']],
    ['$aapl', ['tag $AAPL $aapl']],
    ['$A1B2C', ['tag $A1B2C']],
    ['($BRK.B) $MSFT, $X’s', ['tag $BRK', 'tag $MSFT', 'tag $X']],
    ['$AAPL\n$MSFT', ['tag $AAPL', 'tag $MSFT']],
    ['$100', []],
    ['$1A', []],
    ['$TOOLONG', []],
    ['$AAPL-X', []],
    ['$AAPLé', []],
    ['a$AAPL', []],
    ['$', []],
  ])('%j', (text, expected) => {
    expect(found(text)).toEqual(expected)
  })
})

describe('places', () => {
  it('are bytes of UTF-8 and units of UTF-16', () => {
    expect(detect('é😀\ud800 #é ($a) x')).toEqual([
      { kind: 'tag', value: 'é', byteStart: 10, byteEnd: 13, start: 5, end: 7 },
      { kind: 'tag', value: '$A', byteStart: 15, byteEnd: 17, start: 9, end: 11 },
    ])
  })

  it('do not overlap: what begins first counts', () => {
    expect(found('#a(@bob.test (https://a.io/($x #b')).toEqual([
      'tag #a(@bob.test',
      'link https://a.io/($x',
      'tag #b',
    ])
  })
})
