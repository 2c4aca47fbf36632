import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

import { networkOf } from '@avocet/xrpc-server'

import type { OperatorChange, OperatorRows, OperatorSession } from '../stores/operator-rows.ts'

/** Where a browser is, and how it names itself. */
export interface OperatorSighting {
  readonly address: string | null
  readonly userAgent: string | null
}

/** Who is signed in at the operator's page: kept in the database, so that it holds in every process, and over a restart. */
export interface OperatorSessions {
  /** The sign-in that a cookie shows; null when it is over, was ended, or another password or factor guards the page by now. */
  read(cookie: string | null): Promise<OperatorSession | null>
  /**
   * Signs the operator in.
   * @param proof what uses up the code that was typed
   * @returns the cookie; null when somebody else used the code up meanwhile
   */
  begin(proof: readonly OperatorChange[], sighting: OperatorSighting): Promise<string | null>
  end(session: OperatorSession): Promise<void>
  /** Every one. */
  endAll(): Promise<void>
  /** Those that count now, the newest first. */
  list(): Promise<OperatorSession[]>
  /** Whether the operator signed in from that network within the last 30 days. */
  isKnown(address: string | null): Promise<boolean>
  /** Forgets sign-ins of long ago. */
  readonly collect: () => Promise<unknown>
}

/** What sessions compose. */
export interface OperatorSessionsParts {
  readonly rows: OperatorRows
  /** The id of the factor that guards the page; null for none. */
  readonly activeFactor: () => Promise<string | null>
  readonly adminPassword: string
  /** What a key is derived from. */
  readonly secret: string
  readonly now?: () => number
}

const MINUTE_MS = 60 * 1000
/** Without a look at the page for so long, a sign-in is over. */
const IDLE_MS = 30 * MINUTE_MS
/** The longest that one lasts. */
const WHOLE_MS = 8 * 60 * MINUTE_MS
const SEEN_MS = MINUTE_MS
const KNOWN_MS = 30 * 24 * 60 * MINUTE_MS
const MAX_SESSIONS = 200
const MAX_USER_AGENT = 256

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Sign-ins in `rows`. */
export function createOperatorSessions(parts: OperatorSessionsParts): OperatorSessions {
  const { rows, activeFactor, adminPassword, secret, now = Date.now } = parts
  // Under a key: whoever has a copy of the database cannot try passwords on it.
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'avocet pds operator', 32))
  const markOf = async (): Promise<string> =>
    createHmac('sha256', key)
      .update(JSON.stringify([adminPassword, await activeFactor()]))
      .digest('base64url')

  return {
    read: async (cookie) => {
      if (!/^[\w-]{43}$/.test(cookie ?? '')) return null
      const session = await rows.session(sha256(cookie!))
      const at = now()
      if (session === null || session.expiresAt <= at) return null
      if (!isSame(session.mark, await markOf())) return null
      if (at - session.seenAt >= SEEN_MS) {
        const expiresAt = Math.min(at + IDLE_MS, session.createdAt + WHOLE_MS)
        await rows.apply([{ type: 'sawOperator', id: session.id, at, expiresAt }])
      }
      return session
    },
    begin: async (proof, { address, userAgent }) => {
      const cookie = randomBytes(32).toString('base64url')
      const at = now()
      const session = {
        id: sha256(cookie),
        mark: await markOf(),
        address,
        userAgent: userAgent?.slice(0, MAX_USER_AGENT) ?? null,
        createdAt: at,
        seenAt: at,
        expiresAt: at + IDLE_MS,
      }
      const kept = await rows.apply([...proof, { type: 'keepOperatorSession', session, max: MAX_SESSIONS }])
      return kept ? cookie : null
    },
    end: async ({ id }) => void (await rows.apply([{ type: 'endOperatorSessions', id }])),
    endAll: async () => void (await rows.apply([{ type: 'endOperatorSessions' }])),
    list: async () => {
      const [all, mark] = [await rows.sessions(), await markOf()]
      return all.filter((one) => one.expiresAt > now() && one.mark === mark)
    },
    isKnown: async (address) => {
      if (address === null) return false
      const network = networkOf(address)
      const since = now() - KNOWN_MS
      return (await rows.sessions()).some(
        (one) => one.createdAt > since && one.address !== null && networkOf(one.address) === network,
      )
    },
    collect: () => rows.apply([{ type: 'forgetOperatorSessions', before: now() - KNOWN_MS }]),
  }
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
