import { cidForCbor, type DataObject } from '@avocet/data'
import { describe, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { findLinks } from '../src/index/links.ts'
import { createTargetHash, TARGET_LENGTH } from '../src/index/pointers.ts'

describe('findLinks', () => {
  test('records and accounts, then web pages and the rest, with the way to them', () => {
    const record: DataObject = {
      $type: 'app.bsky.feed.post',
      text: 'did:plc:abc is not a link to follow? it is text, with spaces',
      embed: {
        $type: 'app.bsky.embed.external',
        external: { uri: 'HTTPS://Example.com/./page', title: 'Seen: a bird' },
      },
      tags: ['mood:happy', 'plain', ['tel:1']],
      reply: { root: { uri: 'at://did:plc:a/app.bsky.feed.post/1', cid: 'x' } },
      facets: [
        {
          index: { byteStart: 0, byteEnd: 1 },
          features: [
            { $type: 'app.bsky.richtext.facet#mention', did: 'did:web:example.com' },
            { $type: 'app.bsky.richtext.facet#link', uri: 'https://example.com/page' },
          ],
        },
      ],
      list: ['did:plc:b', 'did:plc:b', 'AT://Alice.test/'],
      '[': 'https://example.com/[',
      link: cidForCbor(new Uint8Array([0xa0])),
      bytes: new Uint8Array([1]),
      createdAt: '2026-01-01T00:00:00.000Z',
    }
    expect(findLinks(record, 1000)).toEqual([
      { target: 'at://did:plc:a/app.bsky.feed.post/1', path: '.reply.root.uri' },
      {
        target: 'did:web:example.com',
        path: '.facets[].features[app.bsky.richtext.facet#mention].did',
      },
      { target: 'did:plc:b', path: '.list[]' },
      { target: 'at://alice.test', path: '.list[]' },
      { target: 'https://example.com/page', path: '.embed.external.uri' },
      { target: 'mood:happy', path: '.tags[]' },
      { target: 'tel:1', path: '.tags[][]' },
      {
        target: 'https://example.com/page',
        path: '.facets[].features[app.bsky.richtext.facet#link].uri',
      },
    ])
    expect(findLinks({ '[': 'a:b', $type: 'x:y' }, 1000)).toEqual([
      { target: 'a:b', path: '.[' },
      { target: 'x:y', path: '.$type' },
    ])
  })

  test.each(['did:plc:', 'https://example.com/'])('a record cannot make it slow or large: %s', (start) => {
    const many = { list: Array.from({ length: 5000 }, (_, i) => `${start}${i}`) }
    expect(findLinks(many, 100_000)).toHaveLength(256)
    expect(findLinks({ ...many, more: `${start}more` }, 100_000)).toHaveLength(256)
    const keys = Object.fromEntries(many.list.map((uri, i) => [`k${i}`, uri]))
    expect(findLinks({ keys, more: `${start}more` }, 1_000_000)).toHaveLength(256)
    let deep: DataObject = { uri: `${start}a` }
    for (let i = 0; i < 200; i++) deep = { deep }
    expect(findLinks(deep, 1000)).toEqual([])
  })

  test('texts that are nearly URIs are looked at 2048 times, and links into the network all the same', () => {
    const nearly = (count: number): DataObject => ({
      list: Array.from({ length: count }, (_, i) => `a:${i}|`),
      pages: ['https://example.com/'],
      post: 'at://did:plc:a/com.example.note/1',
    })
    const inside = { target: 'at://did:plc:a/com.example.note/1', path: '.post' }
    const outside = { target: 'https://example.com/', path: '.pages[]' }
    expect(findLinks(nearly(2047), 1_000_000)).toEqual([inside, outside])
    expect(findLinks(nearly(2048), 1_000_000)).toEqual([inside])
    expect(findLinks(nearly(50_000), 1_000_000)).toEqual([inside])
    // Those that are not written as usual are looked at too.
    const unusual = Array.from({ length: 2048 }, () => 'at://alice.test/%61')
    expect(findLinks({ unusual, pages: 'a:b' }, 1000)).toHaveLength(1)
  })

  test.each(['did:plc:', 'tag:'])(
    'one and a half times the bytes are for links, and 128 more: %s',
    (start) => {
      const list = Array.from({ length: 20 }, (_, i) => `${start}${i}`)
      // A link takes 48, its path of 7 characters 14 once.
      const found = (bytes: number): number => findLinks({ list }, bytes).length
      expect([found(0), found(10), found(28), found(60)]).toEqual([2, 2, 3, 4])
    },
  )

  test('the rest of the world takes no room of a record or an account', () => {
    const tags = Array.from({ length: 30 }, (_, i) => `tag:${i}`)
    const reply = 'at://did:plc:a/com.example.note/1'
    const found = findLinks({ tags: [...tags, ...tags], reply }, 100)
    expect(found[0]).toEqual({ target: reply, path: '.reply' })
    // 278, of which the reply takes 60 and a first tag 62.
    expect(found.slice(1).map(({ target }) => target)).toEqual(['tag:0', 'tag:1', 'tag:2', 'tag:3'])
    // Each once, so that the room goes to others.
    const twice = findLinks({ tags: ['tag:0', 'tag:0', 'tag:1'] }, 28)
    expect(twice.map(({ target }) => target)).toEqual(['tag:0', 'tag:1'])
    const most = Array.from({ length: 256 }, (_, i) => `did:plc:${i}`)
    expect(findLinks({ tags, most }, 100_000).every(({ path }) => path === '.most[]')).toBe(true)
    const repeated = Array.from({ length: 300 }, () => 'tag:0')
    expect(findLinks({ repeated, also: 'tag:1' }, 100_000)).toHaveLength(2)
  })

  test('bounds: 300 characters of a path', () => {
    const key = (length: number): string => 'k'.repeat(length - 1)
    expect(findLinks({ [key(300)]: 'did:plc:a' }, 1000)).toHaveLength(1)
    expect(findLinks({ [key(301)]: 'did:plc:a' }, 1000)).toEqual([])
    expect(findLinks({ [key(200)]: { [key(101)]: 'did:plc:a' } }, 1000)).toEqual([])
  })

  test('long keys before a link do not hide it', () => {
    const record: DataObject = {}
    for (let i = 0; i < 20; i++) record[`${'k'.repeat(100)}${i}`] = { a: 1 }
    record['zz'] = 'did:plc:a'
    expect(findLinks(record, 1000)).toEqual([{ target: 'did:plc:a', path: '.zz' }])
  })
})

test('who does not know a database’s secret cannot tell what a target is called there', () => {
  using one = openIndexDatabase(null)
  using other = openIndexDatabase(null)
  const hashes = [one, other, one].map((db) => {
    const name = Buffer.alloc(TARGET_LENGTH + 1)
    createTargetHash(db)('did:plc:a', name, 1)
    return name.toString('hex')
  })
  expect(hashes[0]).toBe(hashes[2])
  expect(hashes[0]).not.toBe(hashes[1])
})
