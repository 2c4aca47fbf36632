import { expect, test } from 'vitest'

import { causeOf, maskEmail } from '../src/redact.ts'

test.each([
  ['alice@example.com', 'a…@example.com'],
  ['@example.com', '…'],
  ['nobody', '…'],
])('an address %s is shown as %s', (email, shown) => {
  expect(maskEmail(email)).toBe(shown)
})

test.each([
  ['550 5.1.1 <alice@example.com>: user unknown', '550 5.1.1 <…@example.com>: user unknown'],
  ['cannot reach smtp://user:hush@mail.example.com:25', 'cannot reach smtp://user:…@mail.example.com:25'],
  ['"a@b.c",(d@e.f)', '"…@b.c",(…@e.f)'],
])('no full address and no password stays in %s', (text, shown) => {
  expect(causeOf(new Error(text))).toBe(shown)
})

test('causes are told in one line, each once, bounded', () => {
  const inner = new Error('refused')
  const error = new Error('not sent', { cause: new Error('not sent', { cause: inner }) })
  expect(causeOf(error)).toBe('not sent: refused')
  expect(causeOf(new Error('x'.repeat(10_000)))).toHaveLength(500)
  expect(causeOf('a word')).toBe('a word')
})
