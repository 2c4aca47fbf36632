import type { InviteCode } from '@avocet/accounts'

import { html, type Fragment, type Html } from '../../pages/html.ts'
import { field, formFields, link, table, time } from './parts.ts'

/** What of the invite codes is shown. */
export interface InvitesShown {
  readonly invites: readonly InviteCode[]
  /** The code that the next page begins after; null on the last. */
  readonly next: string | null
  /** Those that were made by the form. */
  readonly made: readonly string[]
  readonly form: string
}

const NUMBER = { type: 'number', isRequired: true } as const

/** Invite codes, the newest first, and a way to make some. */
export function invitesView({ invites, next, made, form }: InvitesShown): Html {
  const rows = invites.map(({ code, uses, available, disabled, forAccount, createdAt }): Fragment[] => [
    code,
    `${uses.length} of ${available}`,
    forAccount,
    time(createdAt),
    disabled
      ? 'disabled'
      : html`<form method="post" action="/admin/invites">
          ${formFields(form, 'disable', { code })}<button class="quiet inline">Disable ${code}</button>
        </form>`,
  ])
  return html`${
      made.length > 0 &&
      html`<h2>Made now</h2>
        <ul class="plain">
          ${made.map((code) => html`<li><code>${code}</code></li>`)}
        </ul>`
    }
    <h2>Make codes</h2>
    <form method="post" action="/admin/invites">
      <div class="filter">
        ${formFields(form, 'make')}${field('codes', 'Codes', '1', NUMBER)}${field('uses', 'Uses of each', '1', NUMBER)}<button>
          Make
        </button>
      </div>
    </form>
    ${table('Invite codes', ['Code', 'Used', 'For', 'Made', 'State'], rows)}
    ${next !== null && html`<p>${link('/admin/invites', { after: next }, 'Older codes')}</p>`}`
}
