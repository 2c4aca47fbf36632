import { describe, expect, it } from 'vitest'
import { annotate, build, isUsualTld, link, mention } from '../src/index.ts'

const DID = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
const OTHER = 'did:web:example.org'

describe('a text', () => {
  it('gets facets of all that it names, in their order', async () => {
    const text = '#é @Bob.Test example.com https://a.io'
    expect(await annotate(text, { resolve: () => Promise.resolve(DID), isTld: isUsualTld })).toEqual({
      text,
      facets: [
        {
          index: { byteStart: 0, byteEnd: 3 },
          features: [{ $type: 'app.bsky.richtext.facet#tag', tag: 'é' }],
        },
        {
          index: { byteStart: 4, byteEnd: 13 },
          features: [{ $type: 'app.bsky.richtext.facet#mention', did: DID }],
        },
        {
          index: { byteStart: 14, byteEnd: 25 },
          features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://example.com' }],
        },
        {
          index: { byteStart: 26, byteEnd: 38 },
          features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://a.io' }],
        },
      ],
    })
  })

  it('mentions nobody without a resolver', async () => {
    const { facets } = await annotate('@bob.test #a')
    expect(facets.map(({ features }) => features)).toEqual([
      [{ $type: 'app.bsky.richtext.facet#tag', tag: 'a' }],
    ])
  })

  it('has no half surrogate pairs', async () => {
    expect(await annotate('\ud800 #a')).toMatchObject({
      text: '\ufffd #a',
      facets: [{ index: { byteStart: 4, byteEnd: 6 } }],
    })
  })

  it('keeps the facets that it has, and gets none over them', async () => {
    const rich = build(['#a ', link('#b @bob.test', 'https://a.io'), mention('#c', OTHER), ' #d'])
    const { text, facets } = await annotate(rich, { resolve: () => Promise.resolve(DID) })
    expect(text).toBe('#a #b @bob.test#c #d')
    expect(facets.map(({ index }) => [index.byteStart, index.byteEnd])).toEqual([
      [0, 2],
      [3, 15],
      [15, 17],
      [18, 20],
    ])
    expect(facets.slice(1, 3)).toEqual(rich.facets)
  })

  it('gets some right before and right behind those that it has', async () => {
    const rich = build([link('x ', 'https://a.io'), '#b @bob.test', link(', x', 'https://a.io')])
    const { facets } = await annotate(rich, { resolve: () => Promise.resolve(DID) })
    expect(facets.map(({ index }) => [index.byteStart, index.byteEnd])).toEqual([
      [0, 2],
      [2, 4],
      [5, 14],
      [14, 17],
    ])
  })

  it('gets none where one ends within what it names, or begins there', async () => {
    expect((await annotate(build([link('x #', 'https://a.io'), 'abc']))).facets).toHaveLength(1)
    expect((await annotate(build(['#a', link('bc', 'https://a.io')]))).facets).toHaveLength(1)
    expect((await annotate(build(['#a ', link('bc', 'https://a.io')]))).facets).toHaveLength(2)
  })
})

describe('handles', () => {
  it('are asked for once, in lower case', async () => {
    const asked: string[] = []
    const { facets } = await annotate('@Bob.test @bob.test @amy.test', {
      resolve: (handle) => {
        asked.push(handle)
        return Promise.resolve(DID)
      },
    })
    expect(asked).toEqual(['bob.test', 'amy.test'])
    expect(facets).toHaveLength(3)
  })

  it('may be found with more than a DID', async () => {
    const { facets } = await annotate('@a.test @b.test', {
      resolve: (handle) =>
        Promise.resolve({ did: handle === 'a.test' ? DID : 'none', pds: 'https://a.test' }),
    })
    expect(facets.map(({ features }) => features)).toEqual([
      [{ $type: 'app.bsky.richtext.facet#mention', did: DID }],
    ])
  })

  it('that nobody has stay text, and so do those whose resolver fails or answers with what is no DID', async () => {
    const told: unknown[] = []
    const failure = new Error('no network')
    const { facets } = await annotate('@a.test @b.test @c.test @d.test', {
      resolve: (handle) => {
        if (handle === 'a.test') return Promise.resolve(null)
        if (handle === 'b.test') return Promise.reject(failure)
        return Promise.resolve(handle === 'c.test' ? 'c.test' : DID)
      },
      onUnresolved: (...args) => told.push(args),
    })
    expect(facets.map(({ index }) => index.byteStart)).toEqual([24])
    expect(told).toEqual([['a.test'], ['b.test', failure], ['c.test']])
  })

  it('are asked for five at a time, and fifty of a text', async () => {
    const handles = Array.from({ length: 51 }, (_, i) => `u${i}.test`)
    const told: string[] = []
    let now = 0
    let most = 0
    let asked = 0
    const { facets } = await annotate(handles.map((handle) => `@${handle}`).join(' '), {
      resolve: async () => {
        asked++
        most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 1))
        now--
        return DID
      },
      onUnresolved: (handle) => told.push(handle),
    })
    expect([most, asked, facets.length]).toEqual([5, 50, 50])
    expect(told).toEqual(['u50.test'])
  })
})
