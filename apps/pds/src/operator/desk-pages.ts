import type { Account } from '../account.ts'
import { toXrpcError } from '../wire-errors.ts'
import type { AccountActs } from './account-acts.ts'
import type { AccountReads } from './account-reads.ts'
import type { Act } from './acts.ts'
import type { Page } from './guard.ts'
import type { ServerReads } from './server-reads.ts'

/** What the operator can look at and do, for page and commands alike. */
export interface OperatorDesk {
  readonly accounts: AccountReads
  readonly server: ServerReads
  readonly acts: AccountActs
  /** The account of a DID or handle. @throws PdsError `account-not-found` */
  find(name: unknown): Promise<Account>
}

/** What the pages are added with. */
export interface DeskPagesParts {
  readonly desk: OperatorDesk
  readonly read: (path: string, answer: Page) => void
  readonly act: (path: string, read: (body: Record<string, unknown>) => Act | Promise<Act>) => void
}

/** Adds what commands ask for of the desk, as JSON. */
export function addDeskPages({ desk, read, act }: DeskPagesParts): void {
  const { accounts, server, acts } = desk

  read('/operator/accounts', async (context) => {
    const { q: text = '', after = '', limit = '50' } = context.req.query()
    if (!/^[1-9]\d{0,2}$/.test(limit)) return context.json({ error: 'InvalidRequest', message: 'limit' }, 400)
    return context.json(await accounts.search({ text, after, limit: Number(limit) }))
  })
  read('/operator/account', async (context) => {
    try {
      return context.json(await accounts.details(await desk.find(context.req.query('account'))))
    } catch (error) {
      const told = toXrpcError(error)
      if (told === undefined) throw error
      return context.json({ error: told.error, message: told.message }, told.status as 400)
    }
  })
  read('/operator/storage', async (context) => context.json(await server.storage()))
  read('/operator/stream', async (context) => context.json(await server.stream()))
  read('/operator/relays', (context) => context.json({ relays: server.relays() }))
  read('/operator/limits', (context) => context.json({ limits: server.limits() }))
  read('/operator/errors', (context) => context.json({ errors: server.errors() }))
  read('/operator/mail', (context) => context.json({ mails: server.mails() }))

  act('/operator/reset-mail', async ({ account }) => acts.resetByMail(await desk.find(account)))
  act('/operator/plan-deletion', async ({ account }) => acts.planDeletion(await desk.find(account)))
  act('/operator/keep', async ({ account }) => acts.keep(await desk.find(account)))
}
