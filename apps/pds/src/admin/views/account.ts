import type { AccountDetails, AccountPage, AccountSearch } from '../../operator/account-reads.ts'
import { html, type Fragment, type Html } from '../../pages/html.ts'
import type { AuditRow } from '../../stores/audit-rows.ts'
import { auditTable } from './audit.ts'
import { accountLink, bytes, count, facts, field, formFields, link, table, time } from './parts.ts'

const STATUS = { active: 'active', deactivated: 'deactivated', takendown: 'taken down' } as const

/** A page of accounts, and what to look for. */
export function accountsView({ text }: AccountSearch, page: AccountPage): Html {
  const rows = page.accounts.map(({ did, handle, email, status, createdAt }): Fragment[] => [
    accountLink(did, handle ?? 'handle.invalid'),
    did,
    email ?? '–',
    STATUS[status],
    time(createdAt),
  ])
  return html`<form class="filter" method="get" action="/admin/accounts">
      ${field('q', 'Beginning of a handle, a DID or an e-mail address', text)}<button>Search</button>
    </form>
    ${table('Accounts', ['Handle', 'DID', 'E-mail', 'Status', 'Since'], rows, 'None begins so.')}
    ${page.next !== null && html`<p>${link('/admin/accounts', { q: text, after: page.next }, 'More accounts')}</p>`}`
}

const bound = (used: string, max: number, shown: string): string =>
  max === 0 ? `${used}, without a bound` : `${used} of ${shown}`

/** All of an account, and what can be done about it. */
export function accountView(it: AccountDetails, audit: readonly AuditRow[], form: string): Html {
  const { factors, used, quota } = it
  const kinds = [
    ...factors.factors.map(
      ({ kind, name }) => `${kind === 'passkey' ? 'passkey' : 'authenticator app'} “${name}”`,
    ),
    ...(factors.email ? ['codes by mail'] : []),
    ...(factors.recoveryCodes > 0 ? [`${factors.recoveryCodes} recovery codes`] : []),
  ]
  const about = facts([
    ['DID', html`<code>${it.did}</code>`],
    ['Status', STATUS[it.status]],
    ['Taken down', it.takedownRef === null ? null : html`reference ${it.takedownRef}`],
    ['Deactivated', it.deactivatedAt === null ? null : time(it.deactivatedAt)],
    ['To be deleted', it.deleteAfter === null ? null : html`after ${time(it.deleteAfter)}`],
    [
      'E-mail',
      it.email === null ? 'none' : `${it.email}${it.emailConfirmedAt === null ? ', not confirmed' : ''}`,
    ],
    ['Since', time(it.createdAt)],
    ['Blobs', bound(bytes(used.blobBytes), quota.blobBytes, bytes(quota.blobBytes))],
    ['Records', bound(count(used.records), quota.records, count(quota.records))],
    ['Second factors', kinds.length === 0 ? 'none' : kinds.join(', ')],
    ['Sessions of clients', count(it.sessions)],
    ['App passwords', count(it.appPasswords)],
    ['Invited by', it.invitedBy ?? 'nobody'],
    ['May invite', it.invitesDisabled ? `no${it.inviteNote === null ? '' : `: ${it.inviteNote}`}` : 'yes'],
  ])
  const apps = table(
    `Connected apps: ${it.apps.length}`,
    ['App', 'Since', 'Last used'],
    it.apps.map(({ clientId, since, lastUsed }) => [clientId, time(since), time(lastUsed)]),
  )
  const browsers = table(
    `Browsers: ${it.browsers.length}`,
    ['Browser', 'Address', 'Seen'],
    it.browsers.map(({ userAgent, address, seen }) => [
      userAgent ?? 'unnamed',
      address ?? 'unknown',
      time(seen),
    ]),
  )
  const invites = table(
    `Invite codes: ${it.invites.length}`,
    ['Code', 'Uses', 'State'],
    it.invites.map(({ code, uses, available, disabled }) => [
      code,
      `${uses.length} of ${available}`,
      disabled ? 'disabled' : 'good',
    ]),
  )
  return html`${about}${apps}${browsers}${invites} ${auditTable('Lately', audit)}
    <p>${link('/admin/audit', { account: it.did }, 'All of it in the audit log')}</p>
    <h2>What can be done</h2>
    ${acts(it, form)}`
}

function acts(it: AccountDetails, form: string): readonly Fragment[] {
  const typed = it.handle ?? it.did
  const act = (name: string, button: string, body: Fragment, isDangerous = false): Html =>
    html`<div class="act">
      <form method="post" action="/admin/account">
        ${formFields(form, name, { account: it.did })}${body}
        ${isDangerous ? html`<button class="danger">${button}</button>` : html`<button class="quiet">${button}</button>`}
      </form>
    </div>`
  const hasFactor = it.factors.factors.length > 0 || it.factors.email || it.factors.recoveryCodes > 0
  return [
    it.takedownRef === null
      ? act(
          'takedown',
          'Take down',
          html`<p>Nobody sees the account any more, its sessions end, and its owner can only move away.</p>
            ${field('ref', 'Reference of the decision', '', { hint: 'Default: the time.' })}`,
          true,
        )
      : act('untakedown', 'Put back', html`<p>The account is as it was before it was taken down.</p>`),
    it.email !== null &&
      act('reset', 'Mail a code', html`<p>Its owner gets a code by mail to choose a new password with.</p>`),
    hasFactor &&
      act(
        'factors',
        'Remove second factors',
        html`<p>
          For an owner who lost them all: the password alone signs in then. The owner is told by mail.
        </p>`,
      ),
    act(
      'quota',
      'Set bounds',
      html`<p>0 is no bound; empty is the setting of the server.</p>
        ${field('blobBytes', 'Bytes of blobs', '', { type: 'number' })}${field('records', 'Records', '', { type: 'number' })}`,
    ),
    it.invitesDisabled
      ? act('enable-invites', 'Let it invite', html`<p>Noted for moderation tools, which read it.</p>`)
      : act(
          'disable-invites',
          'Keep it from inviting',
          html`<p>
            Noted for moderation tools: this server makes no codes for accounts by itself. Those that were
            made for one are disabled under Invites.
          </p>`,
        ),
    it.deleteAfter === null
      ? act(
          'delete',
          'Plan the deletion',
          html`<p>
              The account is deactivated now and deleted after 30 days. Its owner is told by mail, and may
              come back until then; one that was taken down may not.
              <code>avocet-pds account delete</code> deletes at once.
            </p>
            ${field('typed', `To go on, type ${typed}`, '', { isRequired: true })}`,
          true,
        )
      : act('keep', 'Keep the account', html`<p>It is not deleted, and is active again.</p>`),
  ]
}
