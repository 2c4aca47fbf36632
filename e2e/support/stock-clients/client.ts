// What each published client does in the same test.
import type { Page } from 'playwright-core'

/** Where the PDS and the apps are. */
export interface StockWorld {
  /** Origin of the PDS. */
  readonly pds: string
  readonly plcUrl: string
  /** For names that lead to this machine. */
  readonly fetch: typeof fetch
  /** Origin of the apps that are on the web: what is put here is served there, by its path. */
  readonly app: 'https://other.example.com'
  readonly files: Map<string, string>
  /** Where an app on a device waits for its user. */
  readonly loopback: `http://127.0.0.1:${number}`
}

/** Whose session it is. */
export interface StockAccount {
  readonly did: `did:plc:${string}`
  readonly handle: `${string}.${string}`
}

/** A published client, made for one account and for one page of a browser. */
export interface StockClient {
  /** Where the user has to go. */
  begin(prompt?: 'none'): Promise<string>
  /** The user came back to the app, in the page. @returns whose session began */
  finish(): Promise<string>
  /** Writes a record. @returns the status of the answer */
  call(): Promise<number>
  /** Finds the session again, as after the app was started anew. */
  restore(): Promise<void>
  /** What was granted, by the client's own record. */
  scope(): Promise<string | undefined>
  signOut(): Promise<void>
  /** Puts the session back that was signed out, and renews it. @throws what the client says */
  useAgain(): Promise<void>
}

/** Makes a client. */
export type StockClientFactory = (
  world: StockWorld,
  account: StockAccount,
  page: Page,
) => Promise<StockClient>

/** In the order that the consent page gives them. */
export const SCOPE = 'atproto blob:image/png repo:com.example.note'
export const CREATE = '/xrpc/com.atproto.repo.createRecord'

/** The call that every client makes. */
export function noteOf({ did }: Pick<StockAccount, 'did'>): {
  readonly method: 'POST'
  readonly headers: { readonly 'content-type': 'application/json' }
  readonly body: string
} {
  const collection = 'com.example.note'
  const record = { $type: collection, text: 'from an app' }
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ repo: did, collection, record, validate: false }),
  }
}
