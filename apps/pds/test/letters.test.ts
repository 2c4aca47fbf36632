// What owners read: each kind of letter once, from its greeting to its last line.
import { expect, test } from 'vitest'

import { setScene } from './factor-accounts.ts'

test('a letter with a code', async () => {
  const scene = await setScene()
  await scene.letters.sendCode(scene.account(), 'reset-password')
  expect(scene.mails).toEqual([
    {
      to: 'anna@example.com',
      subject: 'Reset your password (pds.example.com)',
      text: [
        'Hello anna.test,',
        '',
        'somebody, hopefully you, asked pds.example.com to choose a new password. The code is',
        '',
        `    ${scene.mailed()}`,
        '',
        'Type it where you asked for it, or at https://pds.example.com/reset',
        '',
        'It works once, for 15 minutes. If it was not you, there is nothing to do.',
      ].join('\n'),
    },
  ])
})

test('a letter about a deletion', async () => {
  const scene = await setScene()
  await scene.letters.tellOfDeletion(scene.account(), '2026-02-03T04:05:06.789Z')
  expect(scene.mails).toEqual([
    {
      to: 'anna@example.com',
      subject: 'Your account is going to be deleted (pds.example.com)',
      text: [
        'Hello anna.test,',
        '',
        'your account at pds.example.com is deactivated, and is to be deleted with everything in it on',
        '',
        '    2026-02-03 04:05 UTC',
        '',
        'To keep it, sign in and activate it again before that day. If you did not ask for this, somebody else can use your',
        'account: change its password too.',
      ].join('\n'),
    },
  ])
})

test('a letter about what changed', async () => {
  const scene = await setScene()
  scene.letters.tellLater({ ...scene.account(), handle: null }, 'passkey-copied', 'laptop')
  await scene.posted()
  expect(scene.mails).toEqual([
    {
      to: 'anna@example.com',
      subject: 'A passkey may have been copied (pds.example.com)',
      text: [
        'Hello handle.invalid,',
        '',
        'this is about your account at pds.example.com: the passkey "laptop" was refused: somebody may have a copy of it.',
        '',
        'Remove it, and make a new one.',
      ].join('\n'),
    },
  ])
})

test('an account without an address is sent no code, and told nothing', async () => {
  const scene = await setScene()
  const account = { ...scene.account(), email: null }
  for (const asked of [
    scene.letters.sendCode(account, 'sign-in'),
    scene.letters.tellOfDeletion(account, '2026-02-03T04:05:06.789Z'),
  ]) {
    await expect(asked).rejects.toMatchObject({ code: 'invalid-request' })
  }
  scene.letters.tellLater(account, 'passkey-copied', 'laptop')
  await scene.posted()
  expect(scene.mails).toEqual([])
  expect(await scene.store.codes.list(account.did, 'sign-in')).toEqual([])
})
