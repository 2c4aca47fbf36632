import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { runCommand, startCommand } from './command.ts'
import { resolveConfig } from '../src/config/config.ts'
import { createBypass } from '../src/limits/rate-limits.ts'
import { failure, startNetwork } from './network.ts'

test('a server that takes no imports says so before it takes the body in (B7)', async () => {
  await using net = await startNetwork({ config: { acceptingImports: false } })
  const { accessJwt: token } = await net.account()
  const bytes = new Uint8Array(10)
  const type = 'application/vnd.ipld.car'
  const answer = await net.post('com.atproto.repo.importRepo', { token, bytes, type })
  expect([failure(answer), answer.body.message]).toEqual([
    '400 InvalidRequest',
    'Service is not accepting repo imports',
  ])
})

test('the operator’s mail goes out under the moderation address, other mail does not (B7)', async () => {
  await using net = await startNetwork({ config: { moderationEmailAddress: 'mod@example.com' } })
  const { did, accessJwt: token } = await net.account()
  await net.post('com.atproto.server.requestEmailConfirmation', { token })
  const input = { recipientDid: did, content: 'hello', senderDid: did }
  expect((await net.post('com.atproto.admin.sendEmail', { admin: true, input })).status).toBe(200)
  const folder = join(net.folder, 'mail')
  const names = (await readdir(folder)).toSorted()
  const senders = await Promise.all(
    names.map(async (name) => /^From: (.*)$/m.exec(await readFile(join(folder, name), 'utf8'))![1]),
  )
  expect(senders).toEqual(['noreply@localhost', 'mod@example.com'])
})

test('a block of addresses is not limited, its neighbours are', () => {
  const config = resolveConfig({
    dataDirectory: '/data',
    devMode: false,
    rateLimitBypassIps: ['192.0.2.128/25', '198.51.100.7', '2001:db8::/32'],
  })
  const bypass = createBypass(config)
  const passes = (address: string): boolean => bypass({ address, header: () => null } as never)
  expect(['192.0.2.128', '192.0.2.255', '198.51.100.7', '2001:db8::1'].map(passes)).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(['192.0.2.127', '198.51.100.8', '2001:db9::1'].map(passes)).toEqual([false, false, false])
})

test('the command names what it does not understand, and does not start without its keys (B7)', async () => {
  await using net = await startNetwork()
  const data = join(net.folder, 'other')
  const refused = await runCommand(['--data', data], { PDS_PLC_ROTATION_KEY_KMS_KEY_ID: 'arn:x' })
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toMatch(/^avocet-pds: PDS_PLC_ROTATION_KEY_KMS_KEY_ID: not supported, [^\n]+\n$/)
  await expect(readdir(data)).rejects.toThrow('ENOENT')

  const env = { PDS_INVITE_REQUIRD: 'true', PDS_PORT: '0', LOG_LEVEL: 'warn' }
  const server = await startCommand(['--data', data], env)
  let log = server.errors()
  for (let wait = 0; wait < 20 && log === ''; wait++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    log = server.errors()
  }
  expect(await server.stop('SIGTERM')).toBe(0)
  expect(JSON.parse(log.split('\n')[0]!)).toMatchObject({
    level: 40,
    msg: 'PDS_INVITE_REQUIRD is no setting and has no effect; did you mean PDS_INVITE_REQUIRED?',
  })
})
