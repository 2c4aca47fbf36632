import { describe, expect, it } from 'vitest'
import { build, fromMarkdown, link, mention, tag, toMarkdown, type RichText } from '../src/index.ts'

const DID = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'

describe('Markdown', () => {
  it.each<[RichText, string]>([
    [build(['Hi ', mention('@bob.test', DID), '!']), `Hi [@bob.test](${DID})!`],
    [build([tag('a'), tag('$X', '$x')]), '[#a](#a)[$x](#$X)'],
    [build([tag('a b')]), '[#a b](<#a b>)'],
    [build([link('https://a.io', 'https://a.io')]), '<https://a.io>'],
    [build([link('a.io', 'https://a.io')]), '[a.io](https://a.io)'],
    [build([link('[x]', 'https://a.io/_(b)?c&d')]), '[\\[x\\]](<https://a.io/_(b)?c\\&d>)'],
    [build([link('x', 'https://a.io/<\\>')]), '[x](<https://a.io/\\<\\\\\\>>)'],
    [build(['wow!', link('x', 'https://a.io')]), 'wow\\![x](https://a.io)'],
    [
      build(['*a* _b_ `c` ~d~ <e> [f] \\ &g; h! i']),
      '\\*a\\* \\_b\\_ \\`c\\` \\~d\\~ \\<e\\> \\[f\\] \\\\ \\&g; h! i',
    ],
    [
      build(['# a\n+ b\n- c\n 1. d\n2) e\n=\n|f| - # 1.']),
      '\\# a\\\n\\+ b\\\n\\- c\\\n 1\\. d\\\n2\\) e\\\n\\=\\\n\\|f| - # 1.',
    ],
    [build(['a\nb\n\nc\n\n\nd']), 'a\\\nb\n\nc\n\n\nd'],
    [build(['\na\n']), '\na\n'],
    [build(['a\\\nb']), 'a\\\\\\\nb'],
    [build([]), ''],
  ])('of a text, and back: %j', (rich, markdown) => {
    expect(toMarkdown(rich)).toBe(markdown)
    expect(fromMarkdown(markdown)).toEqual(rich)
  })

  it('leads where it is told', () => {
    const rich = build([mention('@bob', DID), ' ', tag('a'), ' ', link('x', 'https://a.io')])
    const href = (feature: RichText['facets'][number]['features'][number]): string =>
      'did' in feature
        ? `https://bsky.app/profile/${feature.did}`
        : 'tag' in feature
          ? `https://bsky.app/hashtag/${feature.tag}`
          : feature.uri
    expect(toMarkdown(rich, href)).toBe(
      `[@bob](https://bsky.app/profile/${DID}) [#a](https://bsky.app/hashtag/a) [x](https://a.io)`,
    )
  })

  it('shows what is not known or not safe as text', () => {
    const facets = [
      {
        index: { byteStart: 0, byteEnd: 1 },
        features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'javascript:x' }],
      },
      { index: { byteStart: 1, byteEnd: 2 }, features: [{ $type: 'com.example.bold' }] },
    ]
    expect(toMarkdown({ text: 'ab', facets })).toBe('ab')
  })
})

describe('a text of Markdown', () => {
  const a = (text: string, uri = 'https://a.io'): RichText => link(text, uri)
  it.each<[string, (string | RichText)[]]>([
    ['[a](https://a.io)', [a('a')]],
    ['[a](https://a.io "a title")', [a('a')]],
    ['[a](<https://a.io>)', [a('a')]],
    ['[a](https://a.io )', [a('a')]],
    ['[a\\]b](https://a.io)', [a('a]b')]],
    ['[a](https://en.wikipedia.org/wiki/Foo_(bar))', [a('a', 'https://en.wikipedia.org/wiki/Foo_(bar)')]],
    ['[a](https://a.io/\\))', [a('a', 'https://a.io/)')]],
    ['[a [b](https://a.io) c](https://b.io)', ['[a ', a('b'), ' c](https://b.io)']],
    ['[[a](https://a.io)', ['[', a('a')]],
    ['[a]](https://a.io)', [a('a]')]],
    ['[a](https://a.io)[b](https://b.io)', [a('a'), a('b', 'https://b.io')]],
    ['[a <https://a.io> b](https://b.io)', ['[a ', a('https://a.io'), ' b](https://b.io)']],
    ['<HTTPS://a.io>', [a('HTTPS://a.io', 'HTTPS://a.io')]],
    ['<mailto:a@b.c>', ['<mailto:a@b.c>']],
    ['<https://>', ['<https://>']],
    ['<https://a.io', ['<https://a.io']],
    ['[a](javascript:alert(1))', ['[a](javascript:alert(1))']],
    ['[a](b.md)', ['[a](b.md)']],
    ['[a]()', ['[a]()']],
    ['[](https://a.io)', ['[](https://a.io)']],
    ['[a] (https://a.io)', ['[a] (https://a.io)']],
    ['[a](https://a.io', ['[a](https://a.io']],
    ['[a](https://a.io b)', ['[a](https://a.io b)']],
    ['[a](<https://a.io)', ['[a](<https://a.io)']],
    ['](https://a.io)', ['](https://a.io)']],
    ['\\[a](https://a.io)', ['[a](https://a.io)']],
    ['[a\\](https://a.io)', ['[a](https://a.io)']],
    ['[a](did:plc:vwzwgnygau7ed7b7wt5ux7y2)', [mention('a', DID)]],
    ['[a](did:x)', ['[a](did:x)']],
    ['[a](#b)', [tag('b', 'a')]],
    ['[a](#)', ['[a](#)']],
    ['**a** `b` @bob.test #c', ['**a** `b` @bob.test #c']],
    ['\\a \\\\ \\* \\', ['\\a \\ * \\']],
    ['a\\\nb', ['a\nb']],
  ])('%j', (markdown, pieces) => {
    expect(fromMarkdown(markdown)).toEqual(build(pieces))
  })
})
