// The same thing wanted by many at the same instant: exactly one gets it, or what the rule says.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { block, car, commit, entry, keysOf, node } from './cars.ts'
import { HOSTNAME, PASSWORD, type Account } from './server.ts'
import { answered, begin, outcome, type Answer, type Call } from './wire.ts'
import type { Attack, World } from './world.ts'

const AT_ONCE = 20
const NOTE = 'com.example.note'

/** How often each outcome came, most frequent last: `1 × 200, 19 × 400 InvalidRequest`. */
export function tally(answers: readonly Pick<Answer, 'status' | 'body'>[]): string {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(outcome(answer), (counts.get(outcome(answer)) ?? 0) + 1)
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ')
}
const together = <T>(make: (i: number) => Promise<T>, count: number = AT_ONCE): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)))
const race = (what: string, right: string, run: (world: World) => Promise<string>): Attack => ({
  what,
  right,
  run,
})

const invite = async ({ server }: World, useCount: number): Promise<string> => {
  const made = await server.operate('com.atproto.server.createInviteCode', { input: { useCount } })
  return made.body.code as string
}
let names = 0
const newName = (): string => `racer${++names}`
const register = ({ server }: World, input: object): Promise<Answer> => {
  const name = newName()
  return server.call('com.atproto.server.createAccount', {
    input: { handle: `${name}.${HOSTNAME}`, email: `${name}@example.com`, password: PASSWORD, ...input },
  })
}
const write = ({ server }: World, { did, accessJwt: token }: Account, change: object = {}): Promise<Answer> =>
  server.call('com.atproto.repo.createRecord', {
    token,
    input: { repo: did, collection: NOTE, record: { n: ++names }, ...change },
  })
const read = async ({ server }: World, did: string, token?: string): Promise<string[]> => {
  const { body } = await server.call('com.atproto.repo.listRecords', {
    params: { repo: did, collection: NOTE, limit: '100' },
    ...(token === undefined ? {} : { token }),
  })
  return (body.records as { uri: string }[]).map(({ uri }) => uri)
}
const post = ({ server }: World, nsid: string, call: Call): Promise<Answer> =>
  server.call(nsid, { method: 'POST', ...call })
/** A code that was mailed to the account. */
const mailed = async (world: World, account: Account, nsid: string, call: Call): Promise<string> => {
  await post(world, nsid, call)
  return world.server.mail.code(account.email)
}

export const RACES: readonly Attack[] = [
  race('one handle', '1 × 200, 19 × 400 InvalidRequest', async (world) => {
    const inviteCode = await invite(world, AT_ONCE)
    const handle = `${newName()}.${HOSTNAME}`
    return tally(await together(() => register(world, { handle, inviteCode })))
  }),
  race('one address of mail, in other letters', '1 × 200, 19 × 400 InvalidRequest', async (world) => {
    const inviteCode = await invite(world, AT_ONCE)
    const email = `${newName()}@example.com`
    const spellings = [email, email.toUpperCase()]
    return tally(await together((i) => register(world, { email: spellings[i % 2], inviteCode })))
  }),
  race('an invitation for three', '3 × 200, 17 × 400 InvalidInviteCode', async (world) => {
    const inviteCode = await invite(world, 3)
    return tally(await together(() => register(world, { inviteCode })))
  }),
  race('one key of a record', '1 × 200, 19 × 400 RecordAlreadyExists', async (world) => {
    const account = await world.server.account()
    return tally(await together(() => write(world, account, { rkey: 'wanted' })))
  }),
  race('one commit to follow', '1 × 200, 19 × 400 InvalidSwap', async (world) => {
    const account = await world.server.account()
    const { body } = await write(world, account)
    return tally(await together(() => write(world, account, { swapCommit: body.commit.cid })))
  }),
  race('one record to replace', '1 × 200, 19 × 400 InvalidSwap', async (world) => {
    const { did, accessJwt: token } = await world.server.account()
    const put = (swapRecord: string | null, n: number): Promise<Answer> =>
      post(world, 'com.atproto.repo.putRecord', {
        token,
        input: { repo: did, collection: NOTE, rkey: 'self', record: { n }, swapRecord },
      })
    const first = await put(null, -1)
    return tally(await together((i) => put(first.body.cid as string, i)))
  }),
  race('one refresh token: one successor', '20 × 200, 1 of them', async (world) => {
    const { refreshJwt } = await world.server.account()
    const answers = await together(() =>
      post(world, 'com.atproto.server.refreshSession', { token: refreshJwt }),
    )
    const next = answers.map(({ body }) => {
      const [, claims] = (body.refreshJwt as string).split('.')
      return (JSON.parse(Buffer.from(claims!, 'base64url').toString()) as { jti: string }).jti
    })
    return `${tally(answers)}, ${new Set(next).size} of them`
  }),
  race('a session that ends while it is refreshed', 'ended', async (world) => {
    const { refreshJwt: token } = await world.server.account()
    const refresh = (): Promise<Answer> => post(world, 'com.atproto.server.refreshSession', { token })
    const answers = await together((i) =>
      i === 5 ? post(world, 'com.atproto.server.deleteSession', { token }) : refresh(),
    )
    const wrong = answers.map(outcome).filter((found) => found !== '200' && found !== '400 ExpiredToken')
    const last = outcome(await refresh())
    return wrong.length === 0 && last === '400 ExpiredToken' ? 'ended' : `${wrong.join()} ${last}`
  }),
  race('one mailed code for a new password', '1 × 200, 9 × 400 InvalidToken', async (world) => {
    const account = await world.server.account()
    const input = { email: account.email }
    const token = await mailed(world, account, 'com.atproto.server.requestPasswordReset', { input })
    const answers = await together(
      (i) =>
        post(world, 'com.atproto.server.resetPassword', { input: { token, password: `${PASSWORD} ${i}` } }),
      10,
    )
    return tally(answers)
  }),
  race('one mailed code for a deletion', '1 × 200, 9 × 4xx', async (world) => {
    const account = await world.server.account()
    const { accessJwt, did } = account
    const token = await mailed(world, account, 'com.atproto.server.requestAccountDelete', {
      token: accessJwt,
    })
    const answers = await together(
      () => post(world, 'com.atproto.server.deleteAccount', { input: { did, password: PASSWORD, token } }),
      10,
    )
    // Who comes second finds the account gone, or the code.
    const late = new Set(['400 InvalidToken', '400 AccountNotFound', '401 AuthenticationRequired'])
    const others = answers.map(outcome).filter((found) => found !== '200')
    const odd = others.filter((found) => !late.has(found))
    return odd.length === 0 ? `${answers.length - others.length} × 200, ${others.length} × 4xx` : odd.join()
  }),
  race('one name of an app password', '1 × 200, 9 × 400 InvalidRequest', async (world) => {
    const { accessJwt: token } = await world.server.account()
    return tally(
      await together(
        () => post(world, 'com.atproto.server.createAppPassword', { token, input: { name: 'phone' } }),
        10,
      ),
    )
  }),
  race(
    'one handle for ten accounts that have others',
    '1 × 200, 9 × 400 HandleNotAvailable',
    async (world) => {
      const accounts = await together(() => world.server.account(), 10)
      const handle = `${newName()}.${HOSTNAME}`
      return tally(
        await together(
          (i) =>
            post(world, 'com.atproto.identity.updateHandle', {
              token: accounts[i]!.accessJwt,
              input: { handle },
            }),
          10,
        ),
      )
    },
  ),
  race('writes against a deactivation: what was taken is there', 'all of them', async (world) => {
    const account = await world.server.account()
    const { did, accessJwt: token } = account
    const writes = together((i) => sleep(i * 3).then(() => write(world, account)), 30)
    await sleep(30)
    const stopped = await post(world, 'com.atproto.server.deactivateAccount', { token, input: {} })
    const answers = await writes
    const odd = answers.map(outcome).filter((found) => found !== '200' && found !== '401 AccountDeactivated')
    await post(world, 'com.atproto.server.activateAccount', { token })
    const there = new Set(await read(world, did))
    const lost = answers.filter(({ status, body }) => status === 200 && !there.has(body.uri as string))
    const taken = answers.filter(({ status }) => status === 200)
    return stopped.status === 200 && odd.length + lost.length === 0 && there.size === taken.length
      ? 'all of them'
      : `${outcome(stopped)} ${odd.join()} ${lost.length} lost, ${there.size} there, ${taken.length} taken`
  }),
  race('writes against a deletion: nothing is left', '400 RepoNotFound', async (world) => {
    const account = await world.server.account()
    const writes = together((i) => sleep(i * 3).then(() => write(world, account)), 30)
    await sleep(30)
    const gone = await world.server.operate('com.atproto.admin.deleteAccount', {
      input: { did: account.did },
    })
    const allowed = new Set([
      '200',
      '400 InvalidToken',
      '400 AccountNotFound',
      '403 AccountNotFound',
      '400 RepoNotFound',
    ])
    const odd = (await writes).map(outcome).filter((found) => !allowed.has(found))
    if (odd.length > 0 || gone.status !== 200) return `${outcome(gone)} ${odd.join()}`
    return outcome(
      await world.server.call('com.atproto.sync.getLatestCommit', { params: { did: account.did } }),
    )
  }),
  race('an upload against the deletion of the last record that has it', 'always there', async (world) => {
    const { did, accessJwt: token } = await world.server.account()
    const bytes = randomBytes(2000)
    const upload = (): Promise<Answer> =>
      post(world, 'com.atproto.repo.uploadBlob', { token, bytes, type: 'application/octet-stream' })
    const picture = (blob: unknown, rkey: string): Promise<Answer> =>
      post(world, 'com.atproto.repo.putRecord', {
        token,
        input: { repo: did, collection: NOTE, rkey, record: { blob } },
      })
    for (let round = 0; round < 15; round++) {
      const { body } = await upload()
      const made = await picture(body.blob, 'old')
      const [again] = await Promise.all([
        upload(),
        post(world, 'com.atproto.repo.deleteRecord', {
          token,
          input: { repo: did, collection: NOTE, rkey: 'old' },
        }),
      ])
      const kept = await picture(again.body.blob, 'new')
      const cid = again.body.blob.ref.$link as string
      const blob = await world.server.call('com.atproto.sync.getBlob', { params: { did, cid } })
      if ([made, kept, blob].some(({ status }) => status !== 200)) {
        return `round ${round}: ${tally([made, kept, blob])}`
      }
      await post(world, 'com.atproto.repo.deleteRecord', {
        token,
        input: { repo: did, collection: NOTE, rkey: 'new' },
      })
    }
    return 'always there'
  }),
  race('an import against a takedown', '409 ImportStopped, 400 RepoTakendown', async (world) => {
    const { did, accessJwt: token } = await world.server.account()
    await post(world, 'com.atproto.server.deactivateAccount', { token, input: {} })
    const call = begin(world.server.url, 'com.atproto.repo.importRepo', {
      method: 'POST',
      token,
      type: 'application/vnd.ipld.car',
    })
    const answer = answered(call)
    const archive = archiveOf(did)
    call.write(archive.subarray(0, 50))
    await sleep(200)
    const subject = { $type: 'com.atproto.admin.defs#repoRef', did }
    await world.server.operate('com.atproto.admin.updateSubjectStatus', {
      input: { subject, takedown: { applied: true } },
    })
    call.end(archive.subarray(50))
    const head = await world.server.call('com.atproto.sync.getLatestCommit', { params: { did } })
    return `${outcome(await answer)}, ${outcome(head)}`
  }),
  race('two imports of one account', '1 × 200, 1 × 429 RateLimitExceeded', async (world) => {
    const { did, accessJwt: token } = await world.server.account()
    await post(world, 'com.atproto.server.deactivateAccount', { token, input: {} })
    const open = (): { call: ReturnType<typeof begin>; answer: Promise<Answer> } => {
      const call = begin(world.server.url, 'com.atproto.repo.importRepo', {
        method: 'POST',
        token,
        type: 'application/vnd.ipld.car',
      })
      return { call, answer: answered(call) }
    }
    const archive = archiveOf(did)
    const first = open()
    first.call.write(archive.subarray(0, 50))
    await sleep(200)
    const second = open()
    second.call.end(archive)
    const refused = await second.answer
    first.call.end(archive.subarray(50))
    return tally([await first.answer, refused])
  }),
]

function archiveOf(did: string): Buffer {
  const thing = block({ n: 1 })
  const [key] = keysOf(0, 1)
  const root = node([entry(key!, thing.cid)])
  const top = commit(did, root.cid)
  return car(top.cid, [top, root, thing])
}
