import type { AccountRows } from '@avocet/accounts'
import { timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'

import { networkOf, type RateLimitRule, type RequestInfo } from '@avocet/xrpc-server'

import { loginKey } from '../auth/lookup.ts'
import type { PdsConfig } from '../config/config.ts'
import type { WatchedCounts } from './limit-hits.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

type KeyContext = Parameters<NonNullable<RateLimitRule['key']>>[0]

/** Counts by the signed-in account. */
const byCaller = ({ auth }: KeyContext): string | null => (auth as { did?: string } | undefined)?.did ?? null

/** Counts by the account that is spoken of and the network that speaks, so that nobody locks another out. */
const byLogin =
  (accounts: AccountRows) =>
  async ({ input, address }: KeyContext): Promise<string> => {
    const { identifier, email } = (input ?? {}) as { identifier?: string; email?: string }
    return loginCount(await loginKey(accounts, identifier ?? email ?? ''), address)
  }

const loginCount = (key: string, address: string | null): string =>
  `${key} ${address === null ? '' : networkOf(address)}`

/** For every method but exports, which have a wider limit of their own: a crawler that fetches all accounts needs it. */
export const GLOBAL_LIMIT: RateLimitRule = {
  name: 'global',
  limit: 3000,
  windowMs: 5 * MINUTE,
  except: ['com.atproto.sync.getRepo', 'com.atproto.sync.getCheckout'],
}

/** For getRepo and its like. */
export const EXPORT_LIMIT: RateLimitRule = { name: 'export', limit: 6000, windowMs: 5 * MINUTE }

/** Attempts to sign in, by `createSession` and at pages together: of one network at one account. */
const SIGN_IN_BOUNDS = [
  { name: 'createSession-day', limit: 300, windowMs: DAY },
  { name: 'createSession', limit: 30, windowMs: 5 * MINUTE },
] as const

/** For attempts to sign in. */
export const createSessionLimits = (accounts: AccountRows): readonly RateLimitRule[] =>
  SIGN_IN_BOUNDS.map((bound) => ({ ...bound, key: byLogin(accounts) }))

/**
 * Counts an attempt to sign in at a page, with those by `createSession`.
 * @param key the account, or what was typed where there is none (`loginKey`)
 * @returns whether it may be made
 */
export async function countSignIn(
  counts: WatchedCounts,
  key: string,
  address: string | null,
): Promise<boolean> {
  const who = loginCount(key, address)
  for (const { name, limit, windowMs } of SIGN_IN_BOUNDS) {
    // What one bound refuses does not count for the next.
    if ((await counts.consume(`${name}:${who}`, 1, windowMs)).used > limit) {
      counts.refused?.(name, address)
      return false
    }
  }
  return true
}

/** For new accounts. */
export const CREATE_ACCOUNT_LIMIT: RateLimitRule = { name: 'createAccount', limit: 100, windowMs: 5 * MINUTE }

/** For attempts at a mailed code. */
export const RESET_PASSWORD_LIMIT: RateLimitRule = { name: 'resetPassword', limit: 50, windowMs: 5 * MINUTE }

/** For attempts to delete an account. */
export const DELETE_ACCOUNT_LIMIT: RateLimitRule = { name: 'deleteAccount', limit: 50, windowMs: 5 * MINUTE }

/** For keys made for nobody yet. */
export const RESERVE_KEY_LIMITS: readonly RateLimitRule[] = [
  { name: 'reserveSigningKey-day', limit: 200, windowMs: DAY },
  { name: 'reserveSigningKey', limit: 50, windowMs: 5 * MINUTE },
]

/** Letters that somebody asks for, by methods and at pages together. */
export const MAIL_BOUNDS: readonly Pick<RateLimitRule, 'name' | 'limit' | 'windowMs'>[] = [
  { name: 'mail-day', limit: 15, windowMs: DAY },
  { name: 'mail', limit: 5, windowMs: HOUR },
]

const mailLimits = (key: NonNullable<RateLimitRule['key']>): readonly RateLimitRule[] =>
  MAIL_BOUNDS.map((bound) => ({ ...bound, key }))

/** For everything that sends mail to the caller. */
export const MAIL_LIMITS: readonly RateLimitRule[] = mailLimits(byCaller)

/** For mail to somebody who is not signed in. */
export const passwordResetLimits = (accounts: AccountRows): readonly RateLimitRule[] =>
  mailLimits(byLogin(accounts))

/** Whom a letter counts for that is asked for at a page by somebody who is not signed in: as by a method. */
export async function resetKey(
  accounts: AccountRows,
  email: string,
  address: string | null,
): Promise<string> {
  return loginCount(await loginKey(accounts, email), address)
}

/** For changes of a handle. */
export const UPDATE_HANDLE_LIMITS: readonly RateLimitRule[] = [
  { name: 'updateHandle-day', limit: 50, windowMs: DAY, key: byCaller },
  { name: 'updateHandle', limit: 10, windowMs: 5 * MINUTE, key: byCaller },
]

/** For announcing an account again: every subscriber of the firehose gets the three events. */
export const ACTIVATE_LIMIT: RateLimitRule = {
  name: 'activateAccount',
  limit: 10,
  windowMs: 5 * MINUTE,
  key: byCaller,
}

/** For uploads. */
export const UPLOAD_LIMIT: RateLimitRule = { name: 'uploadBlob', limit: 1000, windowMs: DAY, key: byCaller }

/** Points of writes, shared by all methods that write: a creation costs 3, an update 2, a deletion 1. */
export function writeLimits(cost: number | ((input: unknown) => number)): readonly RateLimitRule[] {
  const points = typeof cost === 'number' ? cost : (context: KeyContext): number => cost(context.input)
  return [
    { name: 'write-day', limit: 35_000, windowMs: DAY, key: byCaller, cost: points },
    { name: 'write', limit: 5000, windowMs: HOUR, key: byCaller, cost: points },
  ]
}

/** Which requests are not limited: all when limits are off, else those with the key, or from the addresses, of the settings. */
export function createBypass(config: PdsConfig): (info: Pick<RequestInfo, 'header' | 'address'>) => boolean {
  if (!config.rateLimitsEnabled) return () => true
  const key = config.rateLimitBypassKey === null ? null : Buffer.from(config.rateLimitBypassKey)
  const open = blockList(config.rateLimitBypassIps)
  return ({ header, address }) => {
    if (address !== null && open.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) return true
    if (key === null) return false
    const given = Buffer.from(header('x-ratelimit-bypass') ?? '')
    return given.length === key.length && timingSafeEqual(given, key)
  }
}

/** Addresses and blocks, as `addressBlock` let them pass. */
function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [address, bits] = block.split('/') as [string, string?]
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
