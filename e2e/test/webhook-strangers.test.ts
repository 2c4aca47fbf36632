// Webhooks of the indexer, at receivers that know them by published packages alone, over kill -9.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assureAdminAuth, parseTapEvent } from '@atproto/tap'
import { createWebhookSecret } from '@avocet/tap/webhooks'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Consumed, type Folded, openConsumed, PASSWORD, until } from '../support/consumed.ts'

let consumed: Consumed
const servers: Server[] = []
afterAll(async () => {
  for (const server of servers) server.close()
  await consumed?.[Symbol.asyncDispose]()
})

/** Answers each body by what `handle` gives. */
async function receiver(handle: (body: string, request: IncomingMessage) => number): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.once('end', () => response.writeHead(handle(Buffer.concat(parts).toString(), request)).end())
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`
}

const [secret, next] = [createWebhookSecret(), createWebhookSecret()]
const signed: Folded = new Map()
const tapped: Folded = new Map()
let unsigned = 0
let refused = 0

beforeAll(async () => {
  consumed = await openConsumed(['ada', 'ben'])
  for (const agent of consumed.agents)
    for (const i of [1, 2, 3]) await consumed.put(agent, `old${i}`, { text: `old ${i}` })
  const wh = new Webhook(secret)
  const batches = await receiver((body, { headers }) => {
    let json: { events: any[] }
    try {
      json = wh.verify(body, headers as Record<string, string>) as { events: any[] }
    } catch {
      unsigned++
      return 401
    }
    // One record that this receiver cannot take.
    if (json.events.some(({ record }) => record?.text === 'poison')) {
      refused++
      return 500
    }
    for (const { did, rkey, operation, record } of json.events) {
      if (operation === 'delete') signed.delete(`${did}/${rkey}`)
      else signed.set(`${did}/${rkey}`, record.text)
    }
    return 204
  })
  // As the example of an app with Tap does it.
  const singles = await receiver((body, { headers }) => {
    assureAdminAuth(PASSWORD, headers.authorization!)
    const event = parseTapEvent(JSON.parse(body))
    if (event.type === 'identity') return 200
    if (event.action === 'delete') tapped.delete(`${event.did}/${event.rkey}`)
    else tapped.set(`${event.did}/${event.rkey}`, String(event.record?.['text']))
    return 200
  })
  writeFileSync(
    join(consumed.folder, 'webhooks.json'),
    JSON.stringify([
      {
        name: 'signed',
        url: batches,
        secrets: ['env:NEW_SECRET', 'env:OLD_SECRET'],
        kinds: ['commit'],
        tries: 2,
      },
      { name: 'tap', url: singles, format: 'tap', password: 'env:TAP_ADMIN_PASSWORD' },
    ]),
  )
}, 60_000)

const start = (): Promise<void> =>
  consumed.start([`--webhooks=${join(consumed.folder, 'webhooks.json')}`], {
    NEW_SECRET: next,
    OLD_SECRET: secret,
    TAP_ADMIN_PASSWORD: PASSWORD,
  })

test('both fold what they are sent into what the PDS has', { timeout: 90_000 }, async () => {
  await start()
  for (let round = 0; round < 3; round++) {
    for (const [i, agent] of consumed.agents.entries()) {
      for (let n = 0; n < 10; n++) await consumed.put(agent, `r${n}`, { text: `round ${round} of ${i}` })
      if (round === 1) await consumed.remove(agent, 'old2')
      if (round < 2 && i === 0) {
        await consumed.kill()
        await start()
      }
    }
  }
  const wanted = await consumed.folded()
  for (const seen of [signed, tapped]) {
    await until(() => seen.size === wanted.size && [...wanted].every(([at, text]) => seen.get(at) === text))
    expect(seen).toEqual(wanted)
  }
  expect(unsigned).toBe(0)
})

test('a record that one of them cannot take is given up, and no other', { timeout: 90_000 }, async () => {
  const [ada, ben] = consumed.agents
  await Promise.all([
    ...Array.from({ length: 20 }, (_, n) => consumed.put(ben!, `s${n}`, { text: 'side' })),
    consumed.put(ada!, 'poison', { text: 'poison' }),
  ])
  let n = 0
  await until(async () => {
    await consumed.put(ben!, 'pulse', { text: `${++n}` })
    return (await consumed.stats('webhook/signed'))['deadLetters'] === 1
  })
  const wanted = await consumed.folded()
  const place = [...wanted].find(([, text]) => text === 'poison')![0]
  await until(() => signed.size === wanted.size - 1 && tapped.get(place) === 'poison')
  await until(() => [...wanted].every(([at, text]) => at === place || signed.get(at) === text))
  expect(signed.has(place)).toBe(false)
  expect(refused).toBeGreaterThanOrEqual(2)
  expect(await consumed.stats('webhook/tap')).toMatchObject({ deadLetters: 0 })
})
