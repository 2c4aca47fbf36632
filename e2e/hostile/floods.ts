// Much of the same at once: what is over a bound is refused by name, and only to who floods.
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { tally } from './races.ts'
import type { Account } from './server.ts'
import { answered, begin, hangUp, newAddress, outcome, type Answer } from './wire.ts'
import type { Attack, World } from './world.ts'

const CAR = 'application/vnd.ipld.car'
const flood = (what: string, right: string, run: (world: World) => Promise<string>): Attack => ({
  what,
  right,
  run,
})
const times = <T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)))

/** Uploads that are begun and then stand still; resolves once those that are refused have been. */
async function hold(
  { server }: World,
  nsid: string,
  type: string,
  callers: readonly (readonly [Account, string])[],
): Promise<{ readonly refused: Answer[]; readonly end: () => void }> {
  const refused: Answer[] = []
  const calls = callers.map(([account, from]) => {
    const call = begin(server.url, nsid, { method: 'POST', token: account.accessJwt, type, from })
    answered(call).then(
      (answer) => refused.push(answer),
      () => {},
    )
    call.write('x')
    return call
  })
  for (let before = -1; before !== refused.length;) {
    before = refused.length
    await sleep(500)
  }
  return { refused, end: () => calls.forEach((call) => call.destroy()) }
}

/** Subscriptions by one address each; how many were let in, and how the others were answered. */
async function subscribe(
  { server }: World,
  from: readonly string[],
): Promise<{ readonly text: string; readonly end: () => void }> {
  const ends: (() => void)[] = []
  const found = await Promise.all(
    from.map(
      (address) =>
        new Promise<string>((resolve) => {
          const call = request(`${server.url}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`, {
            agent: false,
            headers: {
              connection: 'Upgrade',
              upgrade: 'websocket',
              'sec-websocket-version': '13',
              'sec-websocket-key': randomBytes(16).toString('base64'),
              'x-forwarded-for': address,
            },
          })
          call.on('upgrade', (_, socket) => {
            socket.pause()
            socket.on('error', () => {})
            ends.push(() => socket.destroy())
            resolve('open')
          })
          call.on('response', (message) => {
            message.resume()
            resolve(String(message.statusCode))
          })
          call.on('error', (error) => resolve(error.message))
          call.end()
        }),
    ),
  )
  const count = (name: string): number => found.filter((one) => one === name).length
  const text = [...new Set(found)]
    .toSorted()
    .map((name) => `${count(name)} × ${name}`)
    .join(', ')
  return { text, end: () => ends.forEach((end) => end()) }
}

export const FLOODS: readonly Attack[] = [
  flood('three hundred subscriptions from one address', '295 × 429, 5 × open', async (world) => {
    const from = newAddress()
    const { text, end } = await subscribe(
      world,
      Array.from({ length: 300 }, () => from),
    )
    await world.goesOn()
    end()
    return text
  }),
  flood('three hundred subscriptions of one network of IPv6', '295 × 429, 5 × open', async (world) => {
    const network = newAddress().replace(/1$/, '')
    const { text, end } = await subscribe(
      world,
      Array.from({ length: 300 }, (_, i) => `${network}${(i + 2).toString(16)}`),
    )
    await world.goesOn()
    end()
    return text
  }),
  flood('a hundred subscriptions from everywhere, none of which reads', '100 × open', async (world) => {
    const { text, end } = await subscribe(world, Array.from({ length: 100 }, newAddress))
    await world.goesOn()
    end()
    return text
  }),
  flood('uploads of one account: eight at once', '12 × 429 RateLimitExceeded', async (world) => {
    const callers = Array.from({ length: 20 }, () => [world.mallory, newAddress()] as const)
    const { refused, end } = await hold(world, 'com.atproto.repo.uploadBlob', 'image/png', callers)
    await world.goesOn()
    end()
    return tally(refused)
  }),
  flood('uploads from one address: twenty at once, whosever', '4 × 429 RateLimitExceeded', async (world) => {
    const from = newAddress()
    const accounts = [world.mallory, world.alice, await world.server.account()]
    const callers = accounts.flatMap((account) => Array.from({ length: 8 }, () => [account, from] as const))
    const { refused, end } = await hold(world, 'com.atproto.repo.uploadBlob', 'image/png', callers)
    const elsewhere = await world.server.call('com.atproto.repo.uploadBlob', {
      bytes: new Uint8Array(10),
      type: 'image/png',
      token: world.bob.accessJwt,
    })
    end()
    return elsewhere.status === 200 ? tally(refused) : `elsewhere ${outcome(elsewhere)}`
  }),
  flood(
    'imports: two an address, eight in all',
    '2 × 429 RateLimitExceeded, 1 × 503 ServiceUnavailable',
    async (world) => {
      const { server } = world
      const accounts = await times(11, () => server.account())
      await times(11, (i) =>
        server.call('com.atproto.server.deactivateAccount', { token: accounts[i]!.accessJwt, input: {} }),
      )
      const shared = newAddress()
      // Four of one address, of which two are let in; six others; then one more than all.
      const first = accounts
        .slice(0, 10)
        .map((account, i) => [account, i < 4 ? shared : newAddress()] as const)
      const held = await hold(world, 'com.atproto.repo.importRepo', CAR, first)
      const late = await hold(world, 'com.atproto.repo.importRepo', CAR, [[accounts[10]!, newAddress()]])
      await world.goesOn()
      held.end()
      late.end()
      return tally([...held.refused, ...late.refused])
    },
  ),
  flood('mails to one account: five an hour', '5 × 200, 3 × 429 RateLimitExceeded', async ({ server }) => {
    const { accessJwt: token } = await server.account()
    const from = newAddress()
    return tally(
      await times(8, () =>
        server.call('com.atproto.server.requestEmailConfirmation', { method: 'POST', token, from }),
      ),
    )
  }),
  flood('letters to an address that nobody has', '5 × 200, 3 × 429 RateLimitExceeded', async ({ server }) => {
    const from = newAddress()
    const input = { email: 'nobody@example.com' }
    return tally(
      await times(8, () => server.call('com.atproto.server.requestPasswordReset', { input, from })),
    )
  }),
  flood(
    'guesses at one password from a hundred networks',
    'the owner signs in',
    async ({ server, alice }) => {
      const guess = (): Promise<Answer> =>
        server.call('com.atproto.server.createSession', {
          input: { identifier: alice.did, password: 'guess' },
        })
      const wrong = (await times(50, guess))
        .map(outcome)
        .filter((found) => found !== '401 AuthenticationRequired')
      if (wrong.length > 0) return wrong.join()
      // Alice was at this address when she made her account; strangers stand in line from here on.
      const began = performance.now()
      const waiting = times(5, guess)
      const refreshed = await server.call('com.atproto.server.refreshSession', {
        method: 'POST',
        token: alice.refreshJwt,
      })
      const mine = performance.now() - began
      await waiting
      const others = performance.now() - began
      return refreshed.status === 200 && mine < 3000 && others > 6000
        ? 'the owner signs in'
        : `${outcome(refreshed)} after ${mine} ms, guesses ${others} ms`
    },
  ),
  flood('guesses at the password of the operator: thirty a network', '30 × 401, 10 × 429', async (world) => {
    const { server } = world
    const network = newAddress().replace(/1$/, '')
    const pages = ['metrics', 'audit', 'quota']
    const statuses: number[] = []
    for (let i = 0; i < 40; i++) {
      const authorization = `Basic ${Buffer.from(`admin:guess ${i}`).toString('base64')}`
      const headers = { authorization, 'x-forwarded-for': `${network}${(i + 2).toString(16)}` }
      const answer = await fetch(`${server.url}/${pages[i % 3]}`, { headers })
      await answer.body?.cancel()
      statuses.push(answer.status)
    }
    const count = (status: number): number => statuses.filter((one) => one === status).length
    return `${count(401)} × 401, ${count(429)} × 429`
  }),
  flood('two hundred collections nobody heard of', '1 × 200', async ({ server, mallory }) => {
    const writes = Array.from({ length: 200 }, (_, i) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: `com.example${i}.unknown.thing`,
      value: { a: i },
    }))
    const asked = server.dns.asked.length
    const answer = await server.call('com.atproto.repo.applyWrites', {
      token: mallory.accessJwt,
      input: { repo: mallory.did, writes },
    })
    const questions = server.dns.asked.length - asked
    return questions <= 200 ? tally([answer]) : `${questions} questions`
  }),
  flood('heads of a blob', '600 × 200', async (world) => {
    const [did, cid] = await blobOf(world)
    return tally(
      await times(600, () =>
        world.server.call('com.atproto.sync.getBlob', { params: { did, cid }, method: 'HEAD' }),
      ),
    )
  }),
  flood('ranges of a blob', '300 × 206, 300 × 416', async (world) => {
    const [did, cid] = await blobOf(world)
    return tally(
      await times(600, (i) =>
        world.server.call('com.atproto.sync.getBlob', {
          params: { did, cid },
          headers: { range: i % 2 === 0 ? `bytes=${i}-${i}` : 'bytes=99999999999-' },
        }),
      ),
    )
  }),
  flood('sixty exports of one repository, for four readers', '60 × 200', async ({ server, bob }) => {
    const readers = Array.from({ length: 4 }, () => newAddress())
    const params = { did: bob.did }
    return tally(
      await times(60, (i) => server.call('com.atproto.sync.getRepo', { params, from: readers[i % 4]! })),
    )
  }),
  flood('exports that nobody waits for', 'left', async ({ server, bob }) => {
    await times(100, async () => {
      const call = begin(server.url, 'com.atproto.sync.getRepo', { params: { did: bob.did } })
      call.on('error', () => {})
      call.end()
      await sleep(5)
      call.destroy()
    })
    return 'left'
  }),
  flood('five hundred connections that are kept', '500 × 200', async ({ server }) => {
    const sockets = await times(500, () => server.call('com.atproto.server.describeServer'))
    hangUp()
    return tally(sockets)
  }),
  flood('keys for accounts that nobody makes', '50 × 200, 10 × 429 RateLimitExceeded', async ({ server }) => {
    const from = newAddress()
    return tally(
      await times(60, (i) =>
        server.call('com.atproto.server.reserveSigningKey', {
          input: {
            did: `did:plc:${String(i)
              .padStart(24, 'a')
              .replaceAll(/[0189]/g, 'b')}`,
          },
          from,
        }),
      ),
    )
  }),
  flood('more than an address may ask', '3000 × 200, 50 × 429 RateLimitExceeded', async ({ server }) => {
    const from = newAddress()
    const answers: Answer[] = []
    for (let i = 0; i < 61; i++) {
      answers.push(...(await times(50, () => server.call('com.atproto.server.describeServer', { from }))))
    }
    return tally(answers)
  }),
]

async function blobOf({ server, bob }: World): Promise<[did: string, cid: string]> {
  const { accessJwt: token, did } = bob
  const bytes = randomBytes(200_000)
  const { body } = await server.call('com.atproto.repo.uploadBlob', { bytes, type: 'image/png', token })
  const input = { repo: did, collection: 'com.example.picture', record: { blob: body.blob } }
  await server.call('com.atproto.repo.createRecord', { token, input })
  return [did, body.blob.ref.$link as string]
}
