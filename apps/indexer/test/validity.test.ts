import { createCatalog } from '@avocet/lexicon'
import { catalog } from '@avocet/lexicons/catalog'
import { expect, test } from 'vitest'
import { createJudge } from '../src/index/validity.ts'

const judge = createJudge(catalog)
const createdAt = '2026-01-02T03:04:05.678Z'

test.each([
  [
    'app.bsky.feed.post',
    '3kxyzabcdef22',
    { $type: 'app.bsky.feed.post', text: 'x', createdAt },
    'valid',
    null,
  ],
  [
    'app.bsky.feed.post',
    '3kxyzabcdef22',
    { $type: 'app.bsky.feed.post', text: 1, createdAt },
    'invalid',
    /^\/text: /,
  ],
  [
    'app.bsky.feed.post',
    '3kxyzabcdef22',
    { $type: 'app.bsky.feed.like', text: 'x', createdAt },
    'invalid',
    /\$type/,
  ],
  ['app.bsky.feed.post', '3kxyzabcdef22', { text: 'x', createdAt }, 'invalid', /\$type/],
  [
    'app.bsky.feed.post',
    'not-a-tid',
    { $type: 'app.bsky.feed.post', text: 'x', createdAt },
    'invalid',
    /record key/,
  ],
  ['com.example.note', 'x', { $type: 'com.example.note' }, 'unknown', /no lexicon/],
])('%s %s is judged', (collection, rkey, record, validity, reason) => {
  const label = judge(collection, rkey, record as never)
  expect(label.validity).toBe(validity)
  if (reason === null) expect(label.reason).toBeNull()
  else expect(label.reason).toMatch(reason)
})

test('a reason is cut after 300 characters', () => {
  const name = 'k'.repeat(400)
  const own = createCatalog([
    {
      lexicon: 1,
      id: 'com.example.note',
      defs: {
        main: {
          type: 'record',
          key: 'any',
          record: { type: 'object', properties: { [name]: { type: 'string' } } },
        },
      },
    } as never,
  ])
  const { validity, reason } = createJudge(own)('com.example.note', 'a', {
    $type: 'com.example.note',
    [name]: 1,
  })
  expect([validity, reason]).toEqual(['invalid', `/${'k'.repeat(299)}`])
})

test('a record that fits the collection of its own type does not fit another one, however often it is judged', () => {
  const post = { $type: 'app.bsky.feed.post', text: 'x', createdAt }
  expect(judge('app.bsky.feed.post', '3kxyzabcdef22', post).validity).toBe('valid')
  expect(judge('app.bsky.feed.like', '3kxyzabcdef22', post)).toEqual({
    validity: 'invalid',
    reason: '/$type: not the collection the record is in',
  })
})
