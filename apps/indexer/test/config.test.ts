import { describe, expect, test } from 'vitest'
import {
  parseCollections,
  parseDids,
  parseHttpUrl,
  parsePort,
  parsePositive,
  parseSource,
  parseWorkers,
} from '../src/config.ts'
import { createFilter } from '../src/sync/collections.ts'

describe('configuration', () => {
  test.each([
    ['bsky.network', 'wss://bsky.network'],
    ['wss://bsky.network/', 'wss://bsky.network'],
    ['https://pds.example.com/xrpc/x', 'wss://pds.example.com'],
    ['ws://localhost:2583', 'ws://localhost:2583'],
    ['http://127.0.0.1:2583', 'ws://127.0.0.1:2583'],
    ['https://name:secret@pds.example.com', 'wss://pds.example.com'],
  ])('the source %s', (text, url) => {
    expect(parseSource(text, 'relay', 'live')).toEqual({ url, kind: 'relay', start: 'live' })
  })

  test.each([
    () => parseSource('ftp://x', 'pds', 'live'),
    () => parseSource('ws://', 'pds', 'live'),
    () => parsePort('70000'),
    () => parsePort('65536'),
    () => parsePort('-1'),
    () => parsePort('2e3'),
    () => parseCollections('app.bsky.*,post'),
    () => parseCollections('*'),
    () => parseDids('did:plc:ewvi7nxzyoun6zhxrhs64oiz,alice.test'),
    () => parseHttpUrl('plc.directory'),
    () => parsePositive('0'),
    () => parsePositive('Infinity'),
    () => parsePositive('x'),
  ])('refused with a code: %s', (parse) => {
    expect(parse).toThrow(expect.objectContaining({ code: 'bad-config' }))
  })

  test('ports, numbers and addresses', () => {
    expect([parsePort('0'), parsePort('65535'), parsePositive('0.5')]).toEqual([0, 65_535, 0.5])
    expect([parseWorkers('0'), parseWorkers('64')]).toEqual([0, 64])
    expect(parseHttpUrl('http://localhost:2582//')).toBe('http://localhost:2582')
    expect(parseDids(' did:web:a.example, did:web:b.example,')).toEqual([
      'did:web:a.example',
      'did:web:b.example',
    ])
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
