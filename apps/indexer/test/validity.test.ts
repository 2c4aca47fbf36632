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
  const embed = { $type: 'app.bsky.embed.images', images: [{ ['k'.repeat(400)]: 1 }] }
  const { reason } = judge('app.bsky.feed.post', '3kxyzabcdef22', {
    $type: 'app.bsky.feed.post',
    text: 'x',
    createdAt: 'y'.repeat(400),
    embed,
  })
  expect(reason!.length).toBeLessThanOrEqual(300)
})
