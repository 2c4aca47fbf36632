import { describe, expect, it } from 'vitest'
import { segment } from '../src/index.ts'

const DID = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
const facet = (byteStart: unknown, byteEnd: unknown, ...features: unknown[]): unknown => ({
  index: { byteStart, byteEnd },
  features,
})
const link = (uri: unknown): unknown => ({ $type: 'app.bsky.richtext.facet#link', uri })
const tag = (value: unknown): unknown => ({ $type: 'app.bsky.richtext.facet#tag', tag: value })
const mention = (did: unknown): unknown => ({ $type: 'app.bsky.richtext.facet#mention', did })
const LINK = link('https://example.com')
const texts = (text: string, facets?: unknown[]): string[] => segment({ text, facets }).map((one) => one.text)

describe('pieces', () => {
  it('are the text between facets, and that of facets with what it is', () => {
    const facets = [facet(0, 2, tag('a')), facet(8, 12, LINK), facet(3, 7, mention(DID))]
    expect(segment({ text: '#a é😀x tail rest', facets })).toEqual([
      { text: '#a', feature: tag('a'), facet: facets[0] },
      { text: ' é😀x tail rest' },
    ])
    expect(segment({ text: '#a @bob link.', facets })).toEqual([
      { text: '#a', feature: tag('a'), facet: facets[0] },
      { text: ' ' },
      { text: '@bob', feature: mention(DID), facet: facets[2] },
      { text: ' ' },
      { text: 'link', feature: LINK, facet: facets[1] },
      { text: '.' },
    ])
  })

  it('are the text alone without facets, and none of nothing', () => {
    expect(segment({ text: 'a' })).toEqual([{ text: 'a' }])
    expect(segment({ text: 'a', facets: [] })).toEqual([{ text: 'a' }])
    expect(segment({ text: '' })).toEqual([])
  })

  it.each([null, undefined, {}, 'facets', 5])('are the text alone where facets are %j', (facets) => {
    expect(segment({ text: 'a', facets: facets as null })).toEqual([{ text: 'a' }])
  })

  it('keep a byte order mark, and show half surrogate pairs as UTF-8 does', () => {
    expect(texts('\ufeffa\ufeffb', [facet(4, 8, LINK)])).toEqual(['\ufeffa', '\ufeffb'])
    expect(texts('\ud800a', [facet(3, 4, LINK)])).toEqual(['\ufffd', 'a'])
  })
})

describe('a facet that is not right', () => {
  it.each<[string, unknown]>([
    ['beyond the end', facet(0, 9, LINK)],
    ['behind the end', facet(8, 8, LINK)],
    ['before the beginning', facet(-1, 3, LINK)],
    ['turned round', facet(3, 1, LINK)],
    ['empty', facet(1, 1, LINK)],
    ['begins within a character', facet(2, 5, LINK)],
    ['ends within a character', facet(0, 5, LINK)],
    ['not whole numbers', facet(0.5, 1, LINK)],
    ['not numbers', facet('0', '1', LINK)],
    ['NaN', facet(Number.NaN, 1, LINK)],
    ['endless', facet(0, Infinity, LINK)],
    ['no index', { features: [LINK] }],
    ['index null', { index: null, features: [LINK] }],
    ['null', null],
    ['a string', 'facet'],
    ['a number', 5],
    ['undefined', undefined],
  ])('%s: the text is shown without it, and others are', (_, wrong) => {
    const good = facet(0, 1, tag('a'))
    // a: 1 byte, é: 2, 😀: 4, x: 1
    expect(segment({ text: 'aé😀x', facets: [wrong, good] })).toEqual([
      { text: 'a', feature: tag('a'), facet: good },
      { text: 'é😀x' },
    ])
  })

  it('over another is passed over: of two, the one that begins first counts, or is given first', () => {
    const [first, second, third] = [facet(0, 3, tag('a')), facet(2, 4, tag('b')), facet(3, 4, tag('c'))]
    expect(segment({ text: 'abcd', facets: [third, second, first] }).map((one) => one.facet)).toEqual([
      first,
      third,
    ])
    const same = facet(0, 3, tag('d'))
    expect(segment({ text: 'abcd', facets: [first, same] }).map((one) => one.facet)).toEqual([
      first,
      undefined,
    ])
  })

  it('is on the first byte of a character and behind the last', () => {
    expect(texts('aé😀x', [facet(1, 3, LINK), facet(3, 7, LINK), facet(7, 8, LINK)])).toEqual([
      'a',
      'é',
      '😀',
      'x',
    ])
  })
})

describe('a feature', () => {
  it.each<[string, unknown[], unknown]>([
    ['unknown', [{ $type: 'com.example.bold' }], undefined],
    ['unknown before a known one', [{ $type: 'com.example.bold' }, LINK], LINK],
    ['no feature', [], undefined],
    ['null', [null, 5, 'x', undefined, LINK], LINK],
    ['a script', [link('javascript:alert(1)')], undefined],
    ['a data URL', [link('data:text/html,x')], undefined],
    ['white space in an address', [link('https://a b')], undefined],
    ['a control in an address', [link('https://a\u0000b')], undefined],
    ['a long s', [link('http\u017f://a')], undefined],
    ['no address', [link(5)], undefined],
    ['an address of 8192', [link(`https://${'a'.repeat(8184)}`)], link(`https://${'a'.repeat(8184)}`)],
    ['an address of 8193', [link(`https://${'a'.repeat(8185)}`)], undefined],
    ['capitals', [link('HTTP://A')], link('HTTP://A')],
    ['no DID', [mention('alice.example.com')], undefined],
    ['an empty DID', [mention('')], undefined],
    ['an empty tag', [tag('')], undefined],
    ['a tag of 64', [tag('a'.repeat(64))], tag('a'.repeat(64))],
    ['a tag of 65', [tag('a'.repeat(65))], undefined],
    ['half a surrogate pair', [tag('\ud800')], undefined],
    ['a type that is inherited', [{ $type: '__proto__' }, { $type: 'constructor' }], undefined],
    ['two', [tag('a'), LINK], tag('a')],
  ])('%s', (_, features, expected) => {
    expect(segment({ text: 'a', facets: [facet(0, 1, ...features)] })[0]!.feature).toEqual(expected)
  })

  it.each([null, 'x', 5, {}])('list that is %j is none', (features) => {
    expect(
      segment({ text: 'a', facets: [{ index: { byteStart: 0, byteEnd: 1 }, features }] })[0]!.feature,
    ).toBeUndefined()
  })
})
