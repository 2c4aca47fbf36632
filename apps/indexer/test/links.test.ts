import { cidForCbor, type DataObject } from '@avocet/data'
import { describe, expect, test } from 'vitest'
import { findLinks } from '../src/index/links.ts'

describe('findLinks', () => {
  test('URIs and DIDs with the way to them', () => {
    const record: DataObject = {
      $type: 'app.bsky.feed.post',
      text: 'did:plc:abc is not a link to follow? it is text, with spaces',
      reply: { root: { uri: 'at://did:plc:a/app.bsky.feed.post/1', cid: 'x' } },
      facets: [
        {
          index: { byteStart: 0, byteEnd: 1 },
          features: [
            { $type: 'app.bsky.richtext.facet#mention', did: 'did:web:example.com' },
            { $type: 'app.bsky.richtext.facet#link', uri: 'https://example.com' },
          ],
        },
      ],
      list: ['did:plc:b', 'did:plc:b'],
      link: cidForCbor(new Uint8Array([0xa0])),
      bytes: new Uint8Array([1]),
    }
    expect(findLinks(record, 1000)).toEqual([
      { target: 'at://did:plc:a/app.bsky.feed.post/1', path: '.reply.root.uri' },
      {
        target: 'did:web:example.com',
        path: '.facets[].features[app.bsky.richtext.facet#mention].did',
      },
      { target: 'did:plc:b', path: '.list[]' },
    ])
  })

  test('a record cannot make it slow or large', () => {
    const many = { list: Array.from({ length: 5000 }, (_, i) => `did:plc:${i}`) }
    expect(findLinks(many, 100_000)).toHaveLength(256)
    let deep: DataObject = { uri: 'at://did:plc:a/b.c.d/e' }
    for (let i = 0; i < 200; i++) deep = { deep }
    expect(findLinks(deep, 1000)).toEqual([])
    expect(findLinks({ uri: `at://${'a'.repeat(5000)}` }, 5000)).toEqual([])
    expect(findLinks({ a: 'at://x', b: 'did:', c: 'did:x', d: 'did:plc:' }, 100)).toEqual([])
  })
})
