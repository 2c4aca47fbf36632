import { expect, test } from 'vitest'

import { checkEmail } from '../src/accounts/email-address.ts'

const judge = (email: string): string => {
  try {
    checkEmail(email)
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test.each([
  'alice@example.com',
  "o'brien+tag@mail.example.co.uk",
  'a.b_c-d!#$%&*/=?^`{|}~@example.com',
  'jürgen@exämple.de',
  '用户@例子.公司',
  `${'a'.repeat(64)}@${'b'.repeat(190)}.${'c'.repeat(63)}`,
])('%s is an address', (email) => expect(judge(email)).toBe('taken'))

// What a mail program reads as a list, a group, a name, a comment, quotes, or the beginning of a header.
test.each([
  'x,alice@example.com',
  'x;alice@example.com',
  'group:alice@example.com',
  'alice@example.com;',
  'alice@example.com,x',
  'alice@x,example.com',
  'Mallory<alice@example.com',
  'alice@example.com>',
  '(comment)alice@example.com',
  'alice@exa(mple.com',
  '"alice"@example.com',
  'ali\\ce@example.com',
  'alice@[example.com',
  'alice\r\nBcc:bob@example.com',
  'alice\u0000@example.com',
  'alice\u0085@example.com',
  'alice\u200b@example.com',
  'alice\u2028@example.com',
  'alice\ud800@example.com',
  'alice@example\u202e.com',
  'a@b@example.com',
  'alice@example',
  'alice@example.c',
  '@example.com',
  `${'a'.repeat(65)}@example.com`,
  `alice@${'b'.repeat(191)}.com`,
  `alice@example.${'c'.repeat(64)}`,
])('%j is none', (email) => expect(judge(email)).toBe('invalid-email'))
