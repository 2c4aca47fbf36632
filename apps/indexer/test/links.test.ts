import { cidForCbor, type DataObject } from '@avocet/data'
import { describe, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { findLinks } from '../src/index/links.ts'
import { createTargetHash, TARGET_LENGTH } from '../src/index/pointers.ts'

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
    expect(findLinks({ ...many, more: 'did:plc:more' }, 100_000)).toHaveLength(256)
    const keys = Object.fromEntries(many.list.map((did, i) => [`k${i}`, did]))
    expect(findLinks({ keys, more: 'did:plc:more' }, 1_000_000)).toHaveLength(256)
    let deep: DataObject = { uri: 'at://did:plc:a/b.c.d/e' }
    for (let i = 0; i < 200; i++) deep = { deep }
    expect(findLinks(deep, 1000)).toEqual([])
    expect(findLinks({ uri: `at://${'a'.repeat(5000)}` }, 5000)).toEqual([])
    expect(findLinks({ a: 'at://x', b: 'did:', c: 'did:x', d: 'did:plc:' }, 100)).toEqual([])
  })

  test('one and a half times the bytes of the record are for links, and 128 more', () => {
    const list = Array.from({ length: 20 }, (_, i) => `did:plc:${i}`)
    // A link takes 48, its path of 7 characters 14 once.
    const found = (bytes: number): number => findLinks({ list }, bytes).length
    expect([found(0), found(10), found(28), found(60)]).toEqual([2, 2, 3, 4])
  })

  test('bounds: 300 characters of a path, 2600 of a target', () => {
    const key = (length: number): string => 'k'.repeat(length - 1)
    expect(findLinks({ [key(300)]: 'did:plc:a' }, 1000)).toHaveLength(1)
    expect(findLinks({ [key(301)]: 'did:plc:a' }, 1000)).toEqual([])
    expect(findLinks({ [key(200)]: { [key(101)]: 'did:plc:a' } }, 1000)).toEqual([])
    const uri = (length: number): string => `at://${'a'.repeat(length - 5)}`
    expect(findLinks({ uri: uri(2600) }, 5000)).toHaveLength(1)
    expect(findLinks({ uri: uri(2601) }, 5000)).toEqual([])
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
