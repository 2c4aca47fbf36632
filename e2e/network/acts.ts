// What happens to accounts beside their writes: moderation, leaving and coming back, new handles and keys, moves.

import type { Random } from '../simulated/people.ts'
import { procedure, query } from '../support/network.ts'
import { type Account, PASSWORD } from './accounts.ts'
import { ADMIN_PASSWORD, type Host, type World } from './world.ts'

const ADMIN = { authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}` }

/** A thing that is done to an account. Its server may be away: then it throws. */
type Act = (account: Account, world: World, random: Random) => Promise<void>

/** Calls with the operator's password. */
async function asOperator(host: Host, path: string, input: object): Promise<void> {
  const response = await fetch(`${host.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...ADMIN },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(20_000),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
}

/** Calls as the account. */
async function asOwner<T>(
  { host, token }: Pick<Account, 'host' | 'token'>,
  method: string,
  input?: unknown,
): Promise<T> {
  const encoding = input instanceof Uint8Array ? { encoding: 'application/vnd.ipld.car' } : {}
  const { status, body } = await procedure<T>(host.url, method, input, { token, ...encoding })
  if (status !== 200) throw new Error(`${method}: ${status} ${JSON.stringify(body)}`)
  return body
}

/** By the operator. @param applied whether it is taken down */
const takeDown = (account: Account, applied: boolean): Promise<void> =>
  asOperator(account.host, '/xrpc/com.atproto.admin.updateSubjectStatus', {
    subject: { $type: 'com.atproto.admin.defs#repoRef', did: account.did },
    takedown: applied ? { applied, ref: 'network' } : { applied },
  })

const activate = (account: Account): Promise<unknown> =>
  asOwner(account, 'com.atproto.server.activateAccount')
const deactivate = (account: Account): Promise<unknown> =>
  asOwner(account, 'com.atproto.server.deactivateAccount', {})

/** Off now, and back soon: the server may be away in between. */
async function away(
  account: Account,
  random: Random,
  leave: () => Promise<unknown>,
  back: () => Promise<unknown>,
): Promise<void> {
  account.state = 'off'
  try {
    await leave()
  } catch (error) {
    account.state = 'on'
    throw error
  }
  const comeBack = (tries: number): void => {
    setTimeout(
      () => {
        back().then(
          () => (account.state = 'on'),
          () => (tries > 0 ? comeBack(tries - 1) : undefined),
        )
      },
      500 + random(3000),
    ).unref()
  }
  // A third stays away.
  if (random(3) > 0) comeBack(20)
}

/** To another host: as clients do it, step by step. */
async function move(account: Account, { hosts, mail }: World, random: Random): Promise<void> {
  const from = account.host
  const to = hosts.filter((host) => host !== from)[random(hosts.length - 1)]!
  const { did, email } = account
  account.state = 'off'
  const old = { host: from, token: account.token }
  try {
    const asked = new URLSearchParams({ aud: to.did, lxm: 'com.atproto.server.createAccount' })
    const auth = await get<{ token: string }>(
      from,
      `com.atproto.server.getServiceAuth?${asked}`,
      account.token,
    )
    const { body: described } = await query<{ handle: string }>(from.url, 'com.atproto.repo.describeRepo', {
      repo: did,
    })
    const made = await asOwner<{ accessJwt: string }>(
      { host: to, token: auth.token },
      'com.atproto.server.createAccount',
      {
        did,
        handle: described.handle,
        email,
        password: PASSWORD,
      },
    )
    const here = { host: to, token: made.accessJwt }
    const car = await fetch(`${from.url}/xrpc/com.atproto.sync.getRepo?did=${did}`)
    await asOwner(here, 'com.atproto.repo.importRepo', new Uint8Array(await car.arrayBuffer()))
    const credentials = await get<object>(to, 'com.atproto.identity.getRecommendedDidCredentials', here.token)
    await asOwner(old, 'com.atproto.identity.requestPlcOperationSignature')
    const token = await mail.code(email)
    const signed = await asOwner<object>(old, 'com.atproto.identity.signPlcOperation', {
      token,
      ...credentials,
    })
    await asOwner(here, 'com.atproto.identity.submitPlcOperation', signed)
    await asOwner(here, 'com.atproto.server.activateAccount')
    Object.assign(account, here)
  } finally {
    account.state = 'on'
  }
  await asOwner(old, 'com.atproto.server.deactivateAccount', {})
  // What the old host says of it from now on counts no more.
  await asOperator(from, '/xrpc/com.atproto.admin.deleteAccount', { did })
}

async function get<T>(host: Host, path: string, token: string): Promise<T> {
  const response = await fetch(`${host.url}/xrpc/${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(20_000),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

/** All acts, by name. */
export const ACTS: Readonly<Record<string, Act>> = {
  takedown: (account, _, random) =>
    away(
      account,
      random,
      () => takeDown(account, true),
      () => takeDown(account, false),
    ),
  deactivation: (account, _, random) =>
    away(
      account,
      random,
      () => deactivate(account),
      () => activate(account),
    ),
  async deletion(account) {
    account.state = 'gone'
    await asOperator(account.host, '/xrpc/com.atproto.admin.deleteAccount', { did: account.did })
  },
  async handle(account, _, random) {
    await asOwner(account, 'com.atproto.identity.updateHandle', {
      handle: `${account.name}-${random(1e6)}.test`,
    })
  },
  key: (account) => asOperator(account.host, '/rotate-keys', { account: account.did, apply: true }),
  move,
  /** Who never had a wanted record has one from now on. */
  async newcomer(account) {
    account.bystander = false
  },
}

/** Does acts, one after the other, so many a minute, each to somebody drawn at random. */
export function startActs(options: {
  readonly accounts: readonly Account[]
  readonly world: World
  readonly perMinute: number
  readonly random: Random
}): {
  readonly done: ReadonlyMap<string, number>
  readonly failed: ReadonlyMap<string, string>
  stop(): Promise<void>
} {
  const { accounts, world, random } = options
  const done = new Map<string, number>()
  const failed = new Map<string, string>()
  const names = Object.keys(ACTS)
  const stopped = new AbortController()
  const busy = new Set<Account>()
  const under = new Set<Promise<void>>()
  const act = async (name: string, account: Account): Promise<void> => {
    busy.add(account)
    try {
      await ACTS[name]!(account, world, random)
      done.set(name, (done.get(name) ?? 0) + 1)
    } catch (error) {
      failed.set(name, (error as Error).message.slice(0, 300))
    } finally {
      busy.delete(account)
    }
  }
  const run = async (): Promise<void> => {
    for (let turn = random(names.length); !stopped.signal.aborted; turn++) {
      const name = names[turn % names.length]!
      const fits = accounts.filter(
        (account) =>
          account.state === 'on' && !busy.has(account) && account.bystander === (name === 'newcomer'),
      )
      const account = fits[random(Math.max(1, fits.length))]
      if (account !== undefined) {
        const work: Promise<void> = act(name, account).finally(() => under.delete(work))
        under.add(work)
      }
      await new Promise((resolve) => setTimeout(resolve, 60_000 / options.perMinute))
    }
  }
  const running = run()
  return {
    done,
    failed,
    async stop() {
      stopped.abort()
      await running
      await Promise.all(under)
    },
  }
}
