// Who gets an account, at the bounds of what is asked for; and the list of invite codes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { failure, newHandle, startNetwork, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: true } })
})
afterAll(() => net[Symbol.asyncDispose]())

const invite = async (useCount: number): Promise<string> =>
  (await net.post('com.atproto.server.createInviteCode', { admin: true, input: { useCount } })).body.code
const apply = async (change: object): Promise<string> => {
  const handle = newHandle()
  const input = { handle, email: `${handle}@example.com`, password: 'correct horse', ...change }
  return failure(await net.post('com.atproto.server.createAccount', { input }))
}

test('a password has 1 to 256 characters', async () => {
  const inviteCode = await invite(2)
  expect(await apply({ inviteCode, password: '' })).toBe('400 InvalidPassword')
  expect(await apply({ inviteCode, password: 'x'.repeat(257) })).toBe('400 InvalidPassword')
  expect(await apply({ inviteCode, password: 'x'.repeat(256) })).toBe('200 ')
  expect(await apply({ inviteCode, password: 'x' })).toBe('200 ')
})

test('an invite code is good for its uses, and no one gets in without', async () => {
  const inviteCode = await invite(1)
  expect(await apply({})).toBe('400 InvalidInviteCode')
  expect(await apply({ inviteCode: 'localhost-aaaaa-aaaaa' })).toBe('400 InvalidInviteCode')
  expect(await apply({ inviteCode })).toBe('200 ')
  expect(await apply({ inviteCode })).toBe('400 InvalidInviteCode')
})

describe('the list of invite codes', () => {
  const list = async (
    params: Record<string, string | number>,
  ): Promise<{ codes: string[]; cursor: unknown }> => {
    const { status, body } = await net.get('com.atproto.admin.getInviteCodes', { admin: true, params })
    expect(status).toBe(200)
    return { codes: body.codes.map(({ code }: { code: string }) => code), cursor: body.cursor }
  }

  test('newest or most used first, page by page, each once', async () => {
    const codes: string[] = []
    for (let i = 0; i < 4; i++) {
      codes.push(await invite(3))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    for (const [index, uses] of [
      [1, 3],
      [3, 2],
    ] as const) {
      for (let i = 0; i < uses; i++) expect(await apply({ inviteCode: codes[index] })).toBe('200 ')
    }
    const all = await list({ limit: 500 })
    expect([all.codes.slice(0, 4), all.cursor]).toEqual([codes.toReversed(), undefined])
    expect(await list({ sort: 'recent', limit: 500 })).toEqual(all)
    const used = await list({ sort: 'usage', limit: 500 })
    expect(used.codes[0]).toBe(codes[1])
    expect(used.codes.toSorted()).toEqual(all.codes.toSorted())
    for (const sort of ['recent', 'usage']) {
      const whole = sort === 'usage' ? used.codes : all.codes
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const params = { sort, limit: 2, ...(cursor === undefined ? {} : { cursor }) }
        const page = await list(params)
        expect(page.cursor).toBe(page.codes.length === 2 ? page.codes[1] : undefined)
        seen.push(...page.codes)
        cursor = page.cursor as string | undefined
      } while (cursor !== undefined)
      expect([sort, seen]).toEqual([sort, whole])
    }
  })

  test('no other order', async () => {
    const answer = await net.get('com.atproto.admin.getInviteCodes', {
      admin: true,
      params: { sort: 'oldest' },
    })
    expect([failure(answer), answer.body.message]).toEqual([
      '400 InvalidRequest',
      'unknown sort method: oldest',
    ])
  })
})
