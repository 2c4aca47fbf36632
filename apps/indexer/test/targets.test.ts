// What a text points to, in the form in which Constellation keeps it.

import { createRandom } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { targetOf } from '../src/index/targets.ts'

describe('as it is', () => {
  test.each([
    'https://example.com',
    'https://example.com/',
    'https://youtu.be/oKXm4szEP1Q?si=_0n_uPu4qNKokMnq#t=1',
    'http://example.com:80/',
    'https://example.com:443',
    'http://127.0.0.1:80808/',
    'http://:80/',
    'http:///x',
    'https://example.com//a//b',
    'ftp://cnn.example.com&story=breaking_news@10.0.0.1/top_story.htm',
    'ldap://[2001:db8::7]/c=GB?objectClass?one',
    'file:///etc/hosts',
    'mailto:John.Doe@example.com',
    'tel:+1-816-555-1212',
    'urn:oasis:names:specification:docbook:dtd:xml:4.1.2',
    'foo:bar/../baz',
    'foo:/.//@@',
    'lol:)',
    'note:',
    'a://',
    'at:x',
    'at:///x',
    'at://bad-example.com',
    'at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3jwdwj2ctlk26',
    'at://did:plc:A/com.example.note/a:B~c_d-e',
    'at://did:plc:a/com.example.note/self?q=Z#/a%20b',
    'at://words are let through here, as there',
    'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
    'did:m:%41',
    'did:method::::val',
    'did:plc:',
    'did:plc:a#atproto_pds',
  ])('%s', (text) => {
    expect(targetOf(text)).toBe(text)
  })
})

describe('in its usual form', () => {
  test.each([
    ['eXAMPLE://a/./b/../b/%63/%7bfoo%7d', 'example://a/b/c/%7Bfoo%7D'],
    ['HTTPS://www.EXAMPLE.com/Path', 'https://www.example.com/Path'],
    ['HTTP://%45XAMPLE.%43Om%3a', 'http://example.com%3A'],
    ['http://example.com:/', 'http://example.com/'],
    ['http://a/../../../g', 'http://a/g'],
    ['http://a/..', 'http://a/'],
    ['http://a/b/.', 'http://a/b/'],
    ['http://a/b/c/..', 'http://a/b/'],
    ['http://a//../b', 'http://a/b'],
    ['http://a/b/c/%2E/%2E./%2e%2E/d', 'http://a/d'],
    ['foo:/bar/./../baz', 'foo:/baz'],
    ['foo:/a/..//b', 'foo:/.//b'],
    [
      'FOO://%55se%72@EXamp%4ce%2ecom:8042/%4b%2f?%4c%2b#%24%4d',
      'foo://User@example.com:8042/K%2F?L%2B#%24M',
    ],
    ['a://127.0.0.%31', 'a://127.0.0.1'],
    ['a://[0000:0000:0000::1]', 'a://[::1]'],
    ['a://[2001:DB8:0:0:1:0:0:1]:1', 'a://[2001:db8::1:0:0:1]:1'],
    ['a://[0:0:0:0:0:ffff:192.0.2.1]', 'a://[::ffff:192.0.2.1]'],
    ['a://[::ffff:c000:201]', 'a://[::ffff:192.0.2.1]'],
    ['a://[::192.0.2.1]', 'a://[::c000:201]'],
    ['a://[v1FdE.AddR]', 'a://[v1fde.addr]'],
    ['DID:plc:a', 'did:plc:a'],
    ['did:x:a?%7e', 'did:x:a?~'],
    ['AT://Bad-Example.com', 'at://bad-example.com'],
    ['at://did:plc:A/com.example.Note/', 'at://did:plc:A/com.example.Note'],
    ['at://Alice.test/com.example.note//', 'at://alice.test/com.example.note'],
    ['at://alice.test/%61/%62%3a', 'at://alice.test/a/b%3A'],
    ['at://alice.test/a/../b', 'at://alice.test/b'],
    ['at://alice.test/../', 'at://alice.test'],
    ['at://alice.test/', 'at://alice.test'],
    ['at://alice.test?q=%7a', 'at://alice.test?q=z'],
  ])('%s', (text, target) => {
    expect(targetOf(text)).toBe(target)
    expect(targetOf(target)).toBe(target)
  })
})

test.each([
  '',
  'self',
  '3jwdwj2ctlk26',
  ':x',
  '2026-01-01T00:00:00.000Z',
  'bafyreib: a text',
  'Seen today: a bird',
  'exam=ple:foo',
  'a%20:foo',
  'https:\\\\bad-example.com',
  'https://example.com/a b',
  'https://example.com/ä',
  'https://example.com/|',
  'https://example.com/%',
  'https://example.com/%2',
  'https://example.com/%zz',
  'https://example.com/[x]',
  'https://example.com/?[x]',
  'https://example.com/#a#b',
  'http://user:pass:example.com/',
  'http://example.com:80ab',
  'http://user@example.com:80ab',
  'http://a@b@c/',
  'http://a[b@c/',
  'https://[::1/',
  'https://[::1]wrong',
  'http://[:]',
  'http://[]',
  'http://[vG.addr]',
  'http://[v.addr]',
  'ftp://[vF.]',
  'ftp://[vF.%20]',
  'ftp://[fe80::abcd%eth0]',
  'example://[44:55::66::77]',
  'a://[::01.1.1.1]',
  'at://bad-example.com/%ZZ',
  'at://bad-example.com/a b',
  'at://µcosm.bad-example.com',
  'did:plc:ü',
])('no target: %s', (text) => {
  expect(targetOf(text)).toBe(null)
})

test('bounds: 8192 characters, of a DID 2048', () => {
  const uri = (length: number): string => `https://example.com/`.padEnd(length, 'a')
  expect(targetOf(uri(8192))).toHaveLength(8192)
  expect(targetOf(uri(8193))).toBe(null)
  // Longer ones are URIs, whose escapes are not kept.
  expect(targetOf(`did:m:%41`.padEnd(2048, 'a'))).toContain('%41')
  expect(targetOf(`did:m:%41`.padEnd(2049, 'a'))).toContain('did:m:A')
})

/** Parts that addresses are made of, and some that spoil them. */
const PARTS = [
  '/',
  '.',
  '..',
  '/../',
  '//',
  ':',
  '@',
  '?',
  '#',
  '[',
  ']',
  '%41',
  '%2e',
  '%2F',
  '%',
  'a',
  'B',
  '1',
  '-',
  '~',
  '::',
  ' ',
]

test('whatever stands in a text: the target of a target is itself', () => {
  const random = createRandom(15)
  let found = 0
  for (let i = 0; i < 20_000; i++) {
    const parts = Array.from({ length: random.below(9) }, () => random.pick(PARTS))
    const target = targetOf(random.pick(['https://', 'at://', 'AT://', 'foo:', 'did:x:']) + parts.join(''))
    if (target === null) continue
    found++
    expect(targetOf(target)).toBe(target)
  }
  expect(found).toBeGreaterThan(5000)
})

test('of addresses that need no escapes it is what browsers make of them', () => {
  const random = createRandom(16)
  const plain = ['a', 'B', '.', '..', '...', '1', '-', '~', '_', '', 'c.d']
  for (let i = 0; i < 5000; i++) {
    const path = Array.from({ length: random.below(6) }, () => random.pick(plain)).join('/')
    const host = random.pick(['Example.com', 'a.b-c.test:8080', '[1:0::0:2]', '127.0.0.1', 'user@x.test'])
    const text = `${random.pick(['http', 'HTTPS'])}://${host}/${path}${random.pick(['', '?Q=/../', '#/./'])}`
    expect(targetOf(text)).toBe(new URL(text).href)
  }
})
