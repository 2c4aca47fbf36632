import { describe, expect, it } from 'vitest'
import { build, link, mention, RichTextError, tag } from '../src/index.ts'

const DID = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
const failure = (make: () => unknown): unknown => {
  try {
    return make()
  } catch (error) {
    return error
  }
}

describe('a text put together', () => {
  it('has the facets of its pieces, in bytes', () => {
    const hello = build(['é ', mention('@bob', DID)])
    expect(build([hello, ' 😀', link('süß', 'https://example.com'), ' ', tag('t'), tag('$X', '$x')])).toEqual(
      {
        text: 'é @bob 😀süß #t$x',
        facets: [
          {
            index: { byteStart: 3, byteEnd: 7 },
            features: [{ $type: 'app.bsky.richtext.facet#mention', did: DID }],
          },
          {
            index: { byteStart: 12, byteEnd: 17 },
            features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://example.com' }],
          },
          {
            index: { byteStart: 18, byteEnd: 20 },
            features: [{ $type: 'app.bsky.richtext.facet#tag', tag: 't' }],
          },
          {
            index: { byteStart: 20, byteEnd: 22 },
            features: [{ $type: 'app.bsky.richtext.facet#tag', tag: '$X' }],
          },
        ],
      },
    )
  })

  it('is nothing of nothing, and has no facet of no length', () => {
    expect(build([])).toEqual({ text: '', facets: [] })
    expect(build(['a', link('', 'https://a.io')])).toEqual({ text: 'a', facets: [] })
  })

  it('has no half surrogate pairs, and none that pieces make up together', () => {
    const built = build(['\ud83d', '\ude00', link('\ud83d', 'https://a.io'), '\ude00'])
    expect(built.text).toBe('\ufffd\ufffd\ufffd\ufffd')
    expect(built.facets[0]!.index).toEqual({ byteStart: 6, byteEnd: 9 })
  })

  it('leaves its pieces as they are', () => {
    const piece = tag('a')
    const before = structuredClone(piece)
    build(['x', piece, piece])
    expect(piece).toEqual(before)
  })
})

describe('a piece of what the lexicon does not take', () => {
  it.each<[string, () => unknown]>([
    ['DID', () => mention('@bob', 'bob.test')],
    ['link', () => link('a', 'example.com')],
    ['script', () => link('a', 'javascript:alert(1)')],
    ['empty tag', () => tag('')],
    ['long tag', () => tag('a'.repeat(65))],
  ])('%s is refused', (_, make) => {
    const error = failure(make) as RichTextError
    expect(error).toBeInstanceOf(RichTextError)
    expect([error.name, error.code]).toEqual(['RichTextError', 'invalid-feature'])
  })
})
