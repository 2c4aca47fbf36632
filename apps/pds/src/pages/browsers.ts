import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

import type { AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { Account } from '../account.ts'
import type { DeviceRow, DeviceRows, DeviceSignIn } from '../stores/device-rows.ts'

/** A browser, by its cookie. Until somebody signs in with it nothing is kept of it, so that strangers fill no table. */
export interface Browser {
  /** What it is known by, to the rows of devices and to requests of apps. Only the browser can show what it is the hash of. */
  readonly id: string
  /** The half of the cookie that stays the same. */
  readonly key: string
  /** Null where nobody is signed in. */
  readonly row: DeviceRow | null
  /** The cookie to give it; null when it has its own. */
  readonly cookie: string | null
}

/** An account that is signed in on a browser. */
export interface SignedIn {
  readonly account: Account
  readonly signIn: DeviceSignIn
  /** What tells its password of this moment from another one. */
  readonly passwordMark: string
}

/** A browser on which an account is signed in, as its owner sees it. */
export interface SeenDevice {
  readonly device: DeviceRow
  readonly signIn: DeviceSignIn
}

/** Where a browser is, and how it names itself. */
export interface Sighting {
  readonly address: string | null
  readonly userAgent: string | null
}

/** What signing in says. */
export interface NewSignIn {
  /** The request of an app that it is for. */
  readonly request: string | null
  /** Whether it counts beyond that. */
  readonly remember: boolean
}

/** Browsers and who is signed in there. */
export interface Browsers {
  /** The name of the cookie. */
  readonly cookieName: string
  /** @param cookie the value that came along; null for none */
  read(cookie: string | null, sighting: Sighting): Promise<Browser>
  /** Those that count for a request of an app (null: for none), signed in last first. Accounts that were taken down are left out. */
  accounts(browser: Browser, request: string | null): Promise<readonly SignedIn[]>
  /**
   * Keeps that the owner of an account signed in.
   * @returns the cookie to give the browser: who had seen the one before gains nothing
   */
  signIn(browser: Browser, account: Account, how: NewSignIn, sighting: Sighting): Promise<string>
  signOut(browser: Pick<Browser, 'id'>, did: Did): Promise<void>
  /** The same, on all browsers but one. */
  signOutElsewhere(browser: Pick<Browser, 'id'>, did: Did): Promise<void>
  /** Where an account is signed in, seen last first. */
  devices(account: Account): Promise<readonly SeenDevice[]>
  /**
   * Lets an owner who has just changed what lets them in go on here, as after any such change every sign-in is over. Where somebody else
   * has changed the password meanwhile, it stays over.
   * @param passwordHash what is kept of the password that the owner has just chosen; default: it is the one of before
   */
  stay(browser: Pick<Browser, 'id'>, signedIn: SignedIn, passwordHash?: string): Promise<void>
  /** Forgets what is over. */
  readonly collect: () => Promise<void>
}

/** What browsers compose. */
export interface BrowsersParts {
  readonly devices: DeviceRows
  readonly store: Pick<AccountStore, 'accounts' | 'secrets' | 'factors'>
  /** Whether pages are reached by https alone: then the cookie is one that no subdomain can set. */
  readonly isSecure: boolean
  readonly now?: () => number
}

const MINUTE_MS = 60 * 1000
/** How long a password need not be asked again. */
const REMEMBERED_MS = 7 * 24 * 60 * MINUTE_MS
/** The same on a device of others, for the request at hand. */
const PASSING_MS = 15 * MINUTE_MS
/** The longest that browsers keep a cookie. */
const COOKIE_SECONDS = 400 * 24 * 60 * 60
const MAX_PER_DEVICE = 20
const MAX_PER_ACCOUNT = 100
/** How often a device is noted to have been there. */
const SEEN_MS = 5 * MINUTE_MS
const MAX_USER_AGENT = 256

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')
const random = (bytes: number): string => randomBytes(bytes).toString('base64url')

/** Browsers in `devices`. */
export function createBrowsers(parts: BrowsersParts): Browsers {
  const { devices, store, isSecure, now = () => Date.now() } = parts
  const cookieName = isSecure ? '__Host-avocet-device' : 'avocet-device'
  const attributes = `Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  const cookieOf = (key: string, secret: string): string => `${cookieName}=${key}.${secret}; ${attributes}`

  const fresh = (): Browser => {
    const key = random(16)
    return { id: sha256(key), key, row: null, cookie: cookieOf(key, random(32)) }
  }

  /**
   * What lets the owner of an account in, in one text. It is compared at each visit, so that a new password or another factor ends every
   * sign-in that was there, whoever changed it and however.
   */
  const marksOf = async ({ did, emailAuthFactor }: Account): Promise<{ all: string; password: string }> => {
    const hash = (await store.secrets.passwordHash(did)) ?? ''
    const factors = (await store.factors.list(did)).map(({ id }) => id).toSorted()
    return { all: sha256(JSON.stringify([hash, emailAuthFactor, factors])), password: sha256(hash) }
  }

  const isOver = ({ expiresAt }: DeviceSignIn): boolean => expiresAt <= now()

  const find = async (signIn: DeviceSignIn, request: string | null): Promise<SignedIn | null> => {
    if (isOver(signIn) || (!signIn.remembered && signIn.request !== request)) return null
    const account = await store.accounts.get(signIn.did)
    if (account === null || account.takedownRef !== null) return null
    const { all, password } = await marksOf(account)
    return all === signIn.mark ? { account, signIn, passwordMark: password } : null
  }

  return {
    cookieName,
    read: async (cookie, sighting) => {
      const [, key, secret] = /^([\w-]{22})\.([\w-]{43})$/.exec(cookie ?? '') ?? []
      if (key === undefined || secret === undefined) return fresh()
      const id = sha256(key)
      const row = await devices.get(id)
      if (row === null) return { id, key, row, cookie: null }
      // Somebody copied the cookie before it was renewed.
      if (!isSame(row.secretHash, sha256(secret))) return fresh()
      const at = now()
      if (at - row.seenAt >= SEEN_MS) {
        await devices.apply({ type: 'sawDevice', id, address: sighting.address, at })
      }
      return { id, key, row, cookie: null }
    },
    accounts: async ({ id, row }, request) => {
      if (row === null) return []
      const all = await devices.signIns(id)
      const found = await Promise.all(all.map((signIn) => find(signIn, request)))
      return found.filter((item) => item !== null)
    },
    signIn: async (browser, account, { request, remember }, { address, userAgent }) => {
      const at = now()
      const secret = random(32)
      await devices.apply({
        type: 'keepSignIn',
        device: {
          id: browser.id,
          secretHash: sha256(secret),
          userAgent: userAgent?.slice(0, MAX_USER_AGENT) ?? null,
          address,
          createdAt: browser.row?.createdAt ?? at,
          seenAt: at,
        },
        signIn: {
          did: account.did,
          signedInAt: at,
          expiresAt: at + (remember ? REMEMBERED_MS : PASSING_MS),
          mark: (await marksOf(account)).all,
          request,
          remembered: remember,
        },
        maxPerDevice: MAX_PER_DEVICE,
        maxPerAccount: MAX_PER_ACCOUNT,
      })
      return cookieOf(browser.key, secret)
    },
    signOut: ({ id }, did) => devices.apply({ type: 'signOut', device: id, did }),
    signOutElsewhere: ({ id }, did) => devices.apply({ type: 'signOutAccount', did, except: id }),
    devices: async (account) => {
      const { all } = await marksOf(account)
      return (await devices.list(account.did)).filter(({ signIn }) => !isOver(signIn) && signIn.mark === all)
    },
    stay: async ({ id }, { signIn, passwordMark }, passwordHash) => {
      const { did, mark } = signIn
      const account = await store.accounts.get(did)
      if (account === null) return
      const { all, password } = await marksOf(account)
      if (password !== (passwordHash === undefined ? passwordMark : sha256(passwordHash))) return
      await devices.apply({ type: 'markSignIn', device: id, did, from: mark, to: all })
    },
    collect: () => devices.apply({ type: 'forgetDevices', now: now() }),
  }
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
