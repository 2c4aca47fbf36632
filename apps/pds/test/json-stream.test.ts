// The firehose as JSON (proposal 0015), for who asks: the same events as in CBOR, errors included.
import * as SubscribeRepos from '@avocet/lexicons/com.atproto.sync.subscribeRepos'
import { subscribe } from '@avocet/xrpc-client'
import { expect, test } from 'vitest'

import { startNetwork } from './network.ts'

test('subscribeRepos says the same in both', async () => {
  await using net = await startNetwork()
  const account = await net.account()
  const record = { $type: 'com.example.thing', text: 'é' }
  const input = { repo: account.did, collection: 'com.example.thing', record }
  const made = await net.post('com.atproto.repo.createRecord', { token: account.accessJwt, input })
  expect(made.status).toBe(200)

  const read = async (encoding: 'cbor' | 'json', cursor: number): Promise<unknown[]> => {
    const messages: unknown[] = []
    const options = {
      service: net.pds.url,
      schema: SubscribeRepos.main,
      encoding,
      params: () => ({ cursor }),
    }
    for await (const { body } of subscribe({ ...options, validate: true })) {
      messages.push(body)
      if (body.$type !== 'com.atproto.sync.subscribeRepos#commit') continue
      if (body.ops.some(({ path }) => path.startsWith('com.example.thing/'))) break
    }
    return messages
  }
  const cbor = await read('cbor', 0)
  expect(cbor.length).toBeGreaterThan(2)
  expect(await read('json', 0)).toEqual(cbor)
  await expect(read('json', 1_000_000)).rejects.toMatchObject({ code: 'stream', error: 'FutureCursor' })
})
