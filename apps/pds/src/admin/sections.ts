import type { InviteRows } from '@avocet/accounts'

import { shownHandle, type Account } from '../account.ts'
import { readAuditQuery } from '../audit/audit-query.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { PdsError } from '../errors.ts'
import type { OperatorDesk } from '../operator/desk-pages.ts'
import type { OperatorFactor } from '../operator/operator-factor.ts'
import type { OperatorSessions } from '../operator/operator-sessions.ts'
import type { Fragment } from '../pages/html.ts'
import type { Stores } from '../stores/stores.ts'
import { accountAct, DONE, performForm, wholeNumber, type FormOutcome } from './forms.ts'
import { accountsView, accountView } from './views/account.ts'
import { auditView } from './views/audit.ts'
import { framed } from './views/frame.ts'
import { invitesView } from './views/invites.ts'
import { errorsView, limitsView, mailView, overviewView, storageView, streamView } from './views/server.ts'
import type { AdminHandler, AdminVisit } from './visit.ts'

/** What the pages compose. */
export interface AdminSectionsParts {
  readonly desk: OperatorDesk
  readonly factor: OperatorFactor
  readonly sessions: OperatorSessions
  readonly stores: Pick<Stores, 'audit' | 'accounts'>
  readonly invites: Pick<InviteRows, 'list'>
  readonly audit: Pick<AuditLog, 'record'>
}

/** Pages and forms by their paths. */
export interface AdminSections {
  readonly pages: ReadonlyMap<string, AdminHandler>
  readonly forms: ReadonlyMap<string, AdminHandler>
}

const PAGE_SIZE = 50
const RECENT = 10
const MAX_PARAMETER = 300

/** How a page is shown. */
interface Showing {
  readonly path: string
  readonly title: string
  readonly status?: number
  readonly done?: string | null
  readonly problem?: string | null
}

/** The pages of the operator, for whoever is signed in. */
export function createAdminSections(parts: AdminSectionsParts): AdminSections {
  const { desk, factor, sessions, stores, invites, audit } = parts
  const { server } = desk

  const show = async (visit: AdminVisit, showing: Showing, body: Fragment): Promise<Response> => {
    const { path, title, status = 200, problem = null } = showing
    const { done = DONE.get(visit.url.searchParams.get('done') ?? '') ?? null } = showing
    const frame = { path, form: visit.formToken, factor: await factor.state(), done, problem }
    return visit.page(framed(frame, title, body), status)
  }
  const parameter = ({ url }: AdminVisit, name: string): string =>
    (url.searchParams.get(name) ?? '').slice(0, MAX_PARAMETER)

  const accounts: AdminHandler = async (visit) => {
    const search = { text: parameter(visit, 'q'), after: parameter(visit, 'after'), limit: PAGE_SIZE }
    const page = await desk.accounts.search(search)
    return show(visit, { path: '/admin/accounts', title: 'Accounts' }, accountsView(search, page))
  }

  const showAccount = async (
    visit: AdminVisit,
    account: Account,
    failed: Pick<Showing, 'status' | 'problem'> = {},
  ): Promise<Response> => {
    const { did } = account
    const details = await desk.accounts.details(account)
    const lately = await stores.audit.list({ did, limit: RECENT })
    const showing = { path: '/admin/accounts', title: shownHandle(account), ...failed }
    return show(visit, showing, accountView(details, lately, visit.formToken))
  }
  const found = async (visit: AdminVisit): Promise<Account | Response> => {
    try {
      return await desk.find(visit.parameters.get('account'))
    } catch (error) {
      if (!(error instanceof PdsError)) throw error
      const showing = {
        path: '/admin/accounts',
        title: 'Accounts',
        status: 404,
        problem: 'There is no such account.',
      }
      return show(visit, showing, null)
    }
  }

  const account: AdminHandler = async (visit) => {
    const it = await found(visit)
    return it instanceof Response ? it : showAccount(visit, it)
  }
  const actOnAccount: AdminHandler = async (visit) => {
    const it = await found(visit)
    if (it instanceof Response) return it
    const outcome = await performForm(audit, visit, () => accountAct(desk, it, visit.parameters))
    if (!outcome.ok) return showAccount(visit, it, outcome)
    const done = visit.parameters.get('do')!
    return visit.goTo(`/admin/account?${new URLSearchParams({ account: it.did, done }).toString()}`)
  }

  const showInvites = async (
    visit: AdminVisit,
    made: readonly string[] = [],
    failed: Pick<Showing, 'status' | 'problem'> = {},
  ): Promise<Response> => {
    const after = parameter(visit, 'after')
    const list = await invites.list({
      sort: 'recent',
      limit: PAGE_SIZE + 1,
      after: after === '' ? null : after,
    })
    const page = list.slice(0, PAGE_SIZE)
    const next = list.length > PAGE_SIZE ? page.at(-1)!.code : null
    const body = invitesView({ invites: page, next, made, form: visit.formToken })
    return show(visit, { path: '/admin/invites', title: 'Invites', ...failed }, body)
  }
  const actOnInvites: AdminHandler = async (visit) => {
    const { parameters } = visit
    switch (parameters.get('do')) {
      case 'make': {
        const [codes, uses] = [wholeNumber(parameters.get('codes')), wholeNumber(parameters.get('uses'))]
        const outcome = await performForm(audit, visit, () => desk.acts.makeInvites(codes, uses))
        return outcome.ok ? showInvites(visit, outcome.value.codes) : showInvites(visit, [], outcome)
      }
      case 'disable': {
        const code = (parameters.get('code') ?? '').slice(0, MAX_PARAMETER)
        const outcome: FormOutcome<object> = await performForm(audit, visit, () =>
          desk.acts.disableInvite(code),
        )
        return outcome.ok ? visit.goTo('/admin/invites?done=disable') : showInvites(visit, [], outcome)
      }
      default:
        return showInvites(visit, [], { status: 400, problem: 'The page has no such form' })
    }
  }

  const auditLog: AdminHandler = async (visit) => {
    const filter = { account: parameter(visit, 'account').trim(), since: parameter(visit, 'since').trim() }
    const showing = { path: '/admin/audit', title: 'Audit log' }
    const values = new Map(
      Object.entries({ ...filter, before: parameter(visit, 'before'), limit: String(PAGE_SIZE + 1) }),
    )
    const query = await readAuditQuery((name) => values.get(name) || undefined, stores.accounts)
    if (query === null) {
      const problem = 'There is no such account, or no such time: 30m, 12h, 7d and 2026-01-31 are times.'
      return show(visit, { ...showing, status: 400, problem }, auditView(filter, [], false))
    }
    const rows = await stores.audit.list(query)
    const page = rows.slice(0, PAGE_SIZE)
    return show(visit, showing, auditView(filter, page, rows.length > PAGE_SIZE))
  }

  const section =
    (path: string, title: string, body: () => Promise<Fragment> | Fragment): AdminHandler =>
    async (visit) =>
      show(visit, { path, title }, await body())
  const simple: readonly (readonly [
    path: string,
    title: string,
    body: () => Promise<Fragment> | Fragment,
  ])[] = [
    [
      '/admin',
      "Operator's page",
      async () =>
        overviewView(await server.stream(), server.errors(), await sessions.list(), new Date().toISOString()),
    ],
    ['/admin/storage', 'Storage and bounds', async () => storageView(await server.storage())],
    ['/admin/stream', 'Firehose and relays', async () => streamView(await server.stream(), server.relays())],
    ['/admin/limits', 'Rate limits', () => limitsView(server.limits())],
    ['/admin/errors', 'Errors', () => errorsView(server.errors())],
    ['/admin/mail', 'Mail', () => mailView(server.mails())],
  ]
  return {
    pages: new Map<string, AdminHandler>([
      ...simple.map(([path, title, body]) => [path, section(path, title, body)] as const),
      ['/admin/accounts', accounts],
      ['/admin/account', account],
      ['/admin/invites', (visit) => showInvites(visit)],
      ['/admin/audit', auditLog],
    ]),
    forms: new Map<string, AdminHandler>([
      ['/admin/account', actOnAccount],
      ['/admin/invites', actOnInvites],
    ]),
  }
}
