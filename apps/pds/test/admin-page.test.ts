// What the operator's page shows and does; each act beside the command, on the same server.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createAdminBrowser, runCommand, type AdminBrowser } from './admin-browser.ts'
import { addApp } from './authenticator-app.ts'
import type { Seen } from './browser.ts'
import { mails, mailTo } from './mail.ts'
import { failure, newHandle, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
let admin: AdminBrowser
let alice: TestAccount
let relay: ReturnType<typeof createServer>
let asked = 0

beforeAll(async () => {
  relay = createServer((_, response) => {
    asked += 1
    response.writeHead(asked === 1 ? 200 : 500).end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => relay.once('listening', resolve))
  const url = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`
  net = await startNetwork({ config: { crawlers: [url] }, log: quiet })
  admin = createAdminBrowser(() => `http://localhost:${net.pds.port}`)
  alice = await net.account('alice.test')
  await admin.signIn()
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  relay.close()
})

const nothing = (): void => {}
const quiet = { info: nothing, warn: nothing, error: nothing, debug: nothing }

const page = async (path: string): Promise<Seen> => {
  const seen = await admin.visit(path)
  expect([path, seen.status]).toEqual([path, 200])
  return seen
}
const ofAccount = (did: string): Promise<Seen> => page(`/admin/account?account=${did}`)
/** Sends a form of the page of an account, and gives the page that follows. */
const act = async (did: string, name: string, typed: Record<string, string> = {}): Promise<Seen> => {
  const sent = await admin.submit(await ofAccount(did), name, typed)
  expect([name, sent.status]).toEqual([name, 303])
  return page(sent.headers['location']!)
}
const newest = async (did?: string): Promise<string> => {
  const flags = did === undefined ? [] : ['--account', did]
  return (await runCommand(net, 'audit', '--limit', '1', ...flags))[0]!
}
/** A page as text: no tags, single spaces. */
const words = (seen: Seen): string =>
  seen.text
    .replace(/<style>.*<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')

test.each([
  ['/admin', "Operator's page"],
  ['/admin/accounts', 'Accounts'],
  ['/admin/invites', 'Invites'],
  ['/admin/storage', 'Storage and bounds'],
  ['/admin/stream', 'Firehose and relays'],
  ['/admin/limits', 'Rate limits'],
  ['/admin/errors', 'Errors'],
  ['/admin/mail', 'Mail'],
  ['/admin/audit', 'Audit log'],
])('%s is for whoever is signed in, and on the menu', async (path, title) => {
  const stranger = createAdminBrowser(() => `http://localhost:${net.pds.port}`)
  const refused = await stranger.visit(path)
  expect([refused.title, refused.text.includes('password')]).toEqual(["Operator's page", true])
  // Signing in there leads on to it.
  const signedIn = await stranger.submit(refused, 'sign-in', { password: 'operator-password' })
  expect([signedIn.status, signedIn.headers['location']]).toEqual([303, path])
  const seen = await page(path)
  expect(seen.title).toBe(title)
  expect(seen.text).toContain(`href="${path}" aria-current="page"`)
})

describe('accounts', () => {
  test('found by the beginning of handle, DID and address, in pages, as by the command', async () => {
    for (let n = 0; n < 51; n++) {
      const name = `many${String(n).padStart(2, '0')}`
      const input = { handle: `${name}.test`, email: `${name}@many.example`, password: 'correct horse' }
      expect((await net.post('com.atproto.server.createAccount', { input })).status).toBe(200)
    }
    const handles = (seen: Seen): string[] =>
      [...seen.text.matchAll(/>(many\d\d\.test)</g)].map(([, name]) => name!)
    const first = await page('/admin/accounts?q=%40MANY')
    expect([handles(first).length, handles(first)[0]]).toEqual([50, 'many00.test'])
    const next = /href="(\/admin\/accounts\?q=[^"]*after=[^"]*)"/
      .exec(first.text)![1]!
      .replaceAll('&amp;', '&')
    const last = await page(next)
    expect([handles(last), last.text.includes('More accounts')]).toEqual([['many50.test'], false])
    expect(handles(await page('/admin/accounts?q=many07@'))).toEqual(['many07.test'])
    expect(words(await page(`/admin/accounts?q=${alice.did}`))).toContain(
      `alice.test ${alice.did} alice@example.com active`,
    )
    expect(words(await page('/admin/accounts?q=any'))).toContain('None begins so.')
    expect(await runCommand(net, 'account', 'search', 'many0')).toHaveLength(10)
    expect(await runCommand(net, 'account', 'search', 'many', '--limit', '51')).toHaveLength(51)
    expect(await runCommand(net, 'account', 'search', 'alice@')).toEqual([
      `${alice.did}\talice.test\talice@example.com\tactive`,
    ])
    await expect(runCommand(net, 'account', 'search', 'many', '--limit', 'x')).rejects.toThrow(
      'not a number of entries',
    )
  })

  test('what strangers named themselves is text on the page', async () => {
    const seen = await page('/admin/accounts?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E')
    expect(seen.text).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"')
    expect(seen.text).not.toContain('<script>')
  })

  test('one account: what it has, and who may know', async () => {
    const token = alice.accessJwt
    await net.post('com.atproto.repo.uploadBlob', { token, bytes: new Uint8Array(2048).fill(7) })
    await net.post('com.atproto.repo.createRecord', {
      token,
      input: { repo: alice.did, collection: 'app.bsky.feed.post', record: post('one') },
    })
    await net.post('com.atproto.server.createAppPassword', { token, input: { name: 'app' } })
    // A session that was renewed is one.
    const renewed = await net.post('com.atproto.server.refreshSession', { token: alice.refreshJwt })
    expect(renewed.status).toBe(200)
    const seen = words(await ofAccount(alice.did))
    for (const text of [
      'Status active',
      'E-mail alice@example.com, not confirmed',
      'Blobs 2.0 KiB, without a bound',
      'Records 1, without a bound',
      'Second factors none',
      'Sessions of clients 1',
      'App passwords 1',
      'Connected apps: 0',
      'app password created',
    ]) {
      expect(seen).toContain(text)
    }
    // By its handle, too.
    expect((await page('/admin/account?account=alice.test')).title).toBe('alice.test')
    expect(JSON.parse((await runCommand(net, 'account', 'info', 'alice.test')).join('\n'))).toMatchObject({
      did: alice.did,
      used: { records: 1, blobBytes: 2048 },
      appPasswords: 1,
      sessions: 1,
    })
    for (const account of ['nobody.test', 'did:plc:nobody', '']) {
      const none = await admin.visit(`/admin/account?account=${account}`)
      expect([none.status, none.text.includes('There is no such account.')]).toEqual([404, true])
    }
  })

  test('taken down and put back', async () => {
    const bob = await net.account(newHandle())
    const repo = async () => failure(await net.get('com.atproto.sync.getRepo', { params: { did: bob.did } }))
    const down = await act(bob.did, 'takedown', { ref: 'case 7' })
    expect(words(down)).toContain('The account was taken down.')
    expect(words(down)).toContain('Taken down reference case 7')
    expect(await repo()).toBe('400 RepoTakendown')
    expect(await newest(bob.did)).toMatch(
      /\tstatus changed\toperator\tdone\t.*"takedown":true,"ref":"case 7","via":"page"/,
    )
    await act(bob.did, 'untakedown')
    expect(await repo()).toBe('200 ')
    expect(await newest(bob.did)).toMatch(/"takedown":false,"via":"page"/)
  })

  test('a code by mail to choose a password with', async () => {
    const bob = await net.account(newHandle())
    await act(bob.did, 'reset')
    await runCommand(net, 'account', 'reset-password', bob.handle, '--mail')
    const sent = async () => (await mails(net)).filter((mail) => mail.includes(`Hello ${bob.handle}`))
    await expect.poll(async () => (await sent()).length).toBe(2)
    const token = /^ {4}(\S+)$/m.exec((await sent())[0]!)![1]!
    const reset = await net.post('com.atproto.server.resetPassword', {
      input: { token, password: 'another one' },
    })
    expect(reset.status).toBe(200)
    expect(await runCommand(net, 'audit', '--account', bob.did)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/\tpassword reset mailed\tcommand line\tdone/),
        expect.stringMatching(/\tpassword reset mailed\toperator\tdone/),
      ]),
    )
  })

  test('second factors are removed', async () => {
    const bob = await net.account(newHandle())
    await addApp(net.pds, bob.handle)
    expect(words(await ofAccount(bob.did))).toContain('authenticator app “phone”, 10 recovery codes')
    expect(words(await act(bob.did, 'factors'))).toContain('Second factors none')
    expect(await newest(bob.did)).toMatch(/\tfactor removed\toperator\tdone\t.*"which":"all","via":"page"/)
    // Nothing to remove is no form.
    await expect(act(bob.did, 'factors')).rejects.toThrow('no form')
  })

  test('bounds', async () => {
    const bob = await net.account(newHandle())
    expect(words(await act(bob.did, 'quota', { blobBytes: '1048576', records: '5' }))).toContain(
      'Blobs 0 bytes of 1.0 MiB',
    )
    expect(words(await ofAccount(bob.did))).toContain('Records 0 of 5')
    for (const blobBytes of ['-1', '1.5', '1e3', '9'.repeat(16)]) {
      const refused = await admin.submit(await ofAccount(bob.did), 'quota', { blobBytes })
      expect([blobBytes, refused.status]).toEqual([blobBytes, 400])
      expect(refused.text).toContain('Expected a whole number, or nothing')
    }
    expect(words(await act(bob.did, 'quota'))).toContain('without a bound')
  })

  test('invites of an account', async () => {
    const bob = await net.account(newHandle())
    expect(words(await act(bob.did, 'disable-invites'))).toContain('May invite no')
    expect(words(await act(bob.did, 'enable-invites'))).toContain('May invite yes')
    await runCommand(net, 'account', 'disable-invites', bob.handle)
    expect(words(await ofAccount(bob.did))).toContain('May invite no')
    await runCommand(net, 'account', 'enable-invites', bob.did)
    expect(words(await ofAccount(bob.did))).toContain('May invite yes')
  })

  test('a deletion is planned once its handle is typed, with the hold, and taken back', async () => {
    const bob = await net.account(newHandle())
    for (const typed of ['', bob.did, `${bob.handle}x`, 'alice.test']) {
      const refused = await admin.submit(await ofAccount(bob.did), 'delete', { typed })
      expect([typed, refused.status]).toEqual([typed, 400])
      expect(refused.text).toContain('nothing was done')
    }
    expect(words(await ofAccount(bob.did))).toContain('Status active')
    const planned = words(await act(bob.did, 'delete', { typed: bob.handle }))
    expect(planned).toContain('Status deactivated')
    const until = /To be deleted after (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC/.exec(planned)![1]!
    const days = (Date.parse(`${until.replace(' ', 'T')}Z`) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(29.9)
    expect(days).toBeLessThan(30.1)
    await mailTo(net, `${bob.handle.split('.')[0]!}@example.com`, 'Your account is going to be deleted')
    expect(words(await act(bob.did, 'keep'))).toContain('Status active')
    const [told] = await runCommand(net, 'account', 'delete', bob.handle, '--hold')
    expect(told).toMatch(/^to be deleted after 2/)
    expect(words(await ofAccount(bob.did))).toContain('To be deleted')
    await runCommand(net, 'account', 'keep', bob.handle)
    expect(words(await ofAccount(bob.did))).not.toContain('To be deleted')
    expect(
      (await runCommand(net, 'audit', '--account', bob.did, '--limit', '4')).map(
        (line) => line.split('\t')[1],
      ),
    ).toEqual(['deletion taken back', 'deletion planned', 'deletion taken back', 'deletion planned'])
  })

  test('no form that the page does not have, and none after the sign-in ended', async () => {
    const seen = await ofAccount(alice.did)
    const sent = await admin.submit(seen, 'reset', { do: 'removeEverything' })
    expect([sent.status, sent.text.includes('The page has no such form')]).toEqual([400, true])
    const other = createAdminBrowser(() => `http://localhost:${net.pds.port}`)
    // The form of a page on which nobody is signed in is none of these.
    const signIn = await other.visit('/admin')
    const form = /name="form" value="([^"]*)"/.exec(signIn.text)![1]!
    const fields = [
      ['form', form],
      ['do', 'takedown'],
      ['account', alice.did],
    ] as const
    const refused = await other.browser.post(`http://localhost:${net.pds.port}/admin/account`, fields)
    expect([refused.status, refused.text.includes('nothing was done')]).toEqual([403, true])
    await other.submit(signIn, 'sign-in', { password: 'operator-password' })
    const there = await other.visit(`/admin/account?account=${alice.did}`)
    await other.submit(there, 'sign-out')
    expect((await other.submit(there, 'takedown')).status).toBe(403)
    expect(words(await ofAccount(alice.did))).toContain('Status active')
  })
})

describe('invites', () => {
  test('made, listed in pages, disabled; by page and command', async () => {
    const made = await admin.submit(await page('/admin/invites'), 'make', { codes: '51', uses: '3' })
    expect([made.status, words(made).includes('Made now')]).toEqual([200, true])
    const codes = new Set(
      [...made.text.matchAll(/<code>(localhost-[a-z2-7-]+)<\/code>/g)].map(([, code]) => code!),
    )
    expect(codes.size).toBe(51)
    const first = await page('/admin/invites')
    const next = /href="(\/admin\/invites\?after=[^"]*)"/.exec(first.text)![1]!
    const listed = (seen: Seen): string[] =>
      [...seen.text.matchAll(/<th scope="row">(localhost-[^<]*)</g)].map(([, code]) => code!)
    expect([listed(first).length, listed(await page(next)).length]).toEqual([50, 1])
    const code = listed(first)[0]!
    const sent = await admin.submit(first, 'disable')
    expect(words(await page(sent.headers['location']!))).toContain('The invite code was disabled.')
    const [, other] = [...codes].filter((one) => one !== code)
    expect(await runCommand(net, 'invite', 'disable', other!)).toEqual([`disabled ${other}`])
    const lines = await runCommand(net, 'invite', 'list', '--limit', '51')
    expect(lines).toHaveLength(51)
    expect(
      lines
        .filter((line) => line.endsWith('\tdisabled'))
        .map((line) => line.split('\t')[0])
        .toSorted(),
    ).toEqual([code, other].toSorted())
    expect(lines.find((line) => line.endsWith('good'))).toMatch(/^localhost-\S+\t0 of 3\tadmin\tgood$/)
    for (const typed of [
      { codes: '0' },
      { codes: '101' },
      { uses: '0' },
      { uses: '1000001' },
      { codes: 'x' },
    ]) {
      const refused = await admin.submit(await page('/admin/invites'), 'make', typed)
      expect([typed, refused.status]).toEqual([typed, 400])
    }
  })
})

describe('the state of the server', () => {
  test('firehose: numbers, subscribers, chores; relays: when they were asked, and what they said', async () => {
    const socket = new WebSocket(`${net.pds.url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos`)
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    await expect
      .poll(async () => JSON.parse((await runCommand(net, 'stream')).join('\n')).subscribers.length)
      .toBe(1)
    const seen = words(await page('/admin/stream'))
    expect(seen).toMatch(/Newest event \d+ Oldest event kept 1 /)
    expect(seen).toContain('Subscribers: 1')
    expect(seen).toMatch(/http:\/\/127\.0\.0\.1:\d+ 20\d\d-\S+ \S+ UTC ok 20/)
    expect(seen).toMatch(/Chores .* 0 [\d.]+ s right/)
    expect(asked).toBe(1)
    const [relayLine] = await runCommand(net, 'relays')
    expect(relayLine).toMatch(/^http:\/\/127\.0\.0\.1:\d+\t\S+Z\tok\t\S+Z$/)
    socket.close()
  })

  test('mail: masked, by its kind, with its result', async () => {
    const bob = await net.account(newHandle())
    await act(bob.did, 'reset')
    const name = bob.handle.split('.')[0]!
    const seen = words(await page('/admin/mail'))
    expect(seen).toContain(`${name[0]}…@example.com Reset your password `)
    expect(seen).not.toContain(`${name}@`)
    const input = { recipientDid: bob.did, content: 'text', subject: 'A private matter', senderDid: bob.did }
    await net.post('com.atproto.admin.sendEmail', { admin: true, input })
    expect((await runCommand(net, 'mail-log'))[0]).toMatch(
      /^\S+Z\t\S…@example\.com\tletter of the operator\t-$/,
    )
    expect((await runCommand(net, 'mail-log', '--json'))[0]).not.toContain('private')
  })

  test('the audit log: filtered, in pages', async () => {
    const seen = await page(`/admin/audit?account=alice.test`)
    expect(words(seen)).toContain('app password created')
    expect(words(seen)).not.toContain('operator sign-in')
    const first = await page('/admin/audit?since=1d')
    expect(first.text.match(/<th scope="row">/g)).toHaveLength(50)
    const next = /href="(\/admin\/audit\?[^"]*before=\d+)"/.exec(first.text)![1]!.replaceAll('&amp;', '&')
    const second = await page(next)
    const ids = (text: string): string => /datetime="([^"]*)"/.exec(text)![1]!
    expect(ids(second.text) <= ids(first.text)).toBe(true)
    for (const query of ['account=nobody.test', 'since=yesterday', 'before=x']) {
      expect((await admin.visit(`/admin/audit?${query}`)).status).toBe(400)
    }
  })

  test('errors and warnings: what, when, about what; by page and command', async () => {
    // At the first event after a start relays are asked, and this one refuses the second time.
    await net.restart()
    await net.account(newHandle())
    const told = async (): Promise<string> => (await runCommand(net, 'errors')).join('\n')
    await expect
      .poll(told)
      .toMatch(/^\S+Z\twarn\ta relay refused to crawl\t-\thost=http:\/\/\S+ status=500$/m)
    expect(words(await page('/admin/errors'))).toMatch(/a relay refused to crawl \S+ \S+ UTC warning – host=/)
    expect(await runCommand(net, 'relays')).toEqual([expect.stringMatching(/\tstatus 500\t/)])
  })

  test('storage: sums, disks, the accounts with the most blobs', async () => {
    // Sums of before are good for ten minutes.
    await net.restart()
    const seen = words(await page('/admin/storage'))
    expect(seen).toMatch(/Accounts 60 .*Blobs 1, 2\.0 KiB/)
    expect(seen).toContain(`${alice.did} 2.0 KiB`)
    expect(seen).toMatch(/data [\d.]+ GiB [\d.]+ [GT]iB/)
    const told = JSON.parse((await runCommand(net, 'storage')).join('\n'))
    expect(told.blobs).toEqual({ bytes: 2048, count: 1, largest: [{ did: alice.did, bytes: 2048 }] })
  })
})
