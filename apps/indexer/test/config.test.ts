import { describe, expect, test } from 'vitest'
import {
  parseCollections,
  parseDids,
  parseHttpUrl,
  parsePort,
  parsePositive,
  parseSource,
} from '../src/config.ts'
import { createFilter } from '../src/sync/collections.ts'

describe('configuration', () => {
  test.each([
    ['bsky.network', 'wss://bsky.network'],
    ['wss://bsky.network/', 'wss://bsky.network'],
    ['https://pds.example.com/xrpc/x', 'wss://pds.example.com'],
    ['ws://localhost:2583', 'ws://localhost:2583'],
    ['http://127.0.0.1:2583', 'ws://127.0.0.1:2583'],
  ])('the source %s', (text, url) => {
    expect(parseSource(text, 'relay', 'live')).toEqual({ url, kind: 'relay', start: 'live' })
  })

  test.each([
    () => parseSource('ftp://x', 'pds', 'live'),
    () => parseSource('ws://', 'pds', 'live'),
    () => parsePort('70000'),
    () => parsePort('-1'),
    () => parsePort('2e3'),
    () => parseCollections('app.bsky.*,post'),
    () => parseCollections('*'),
    () => parseDids('did:plc:ewvi7nxzyoun6zhxrhs64oiz,alice.test'),
    () => parseHttpUrl('plc.directory'),
    () => parsePositive('0'),
  ])('refused with a code: %s', (parse) => {
    expect(parse).toThrow(expect.objectContaining({ code: 'bad-config' }))
  })

  test('collections by name and by namespace', () => {
    const isWanted = createFilter(parseCollections('app.bsky.feed.post, app.bsky.graph.*'))
    expect(isWanted('app.bsky.feed.post')).toBe(true)
    expect(isWanted('app.bsky.feed.postgate')).toBe(false)
    expect(isWanted('app.bsky.graph.follow')).toBe(true)
    expect(isWanted('app.bsky.graphs')).toBe(false)
    expect(createFilter(null)('any.thing.else')).toBe(true)
  })
})
