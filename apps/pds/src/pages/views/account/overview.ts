import { shownHandle, type Account } from '../../../account.ts'
import { html, type Html } from '../../html.ts'
import type { Texts } from '../../texts/texts.ts'
import { bytes, day } from './units.ts'

/** What the overview shows. */
export interface OverviewModel {
  readonly account: Account
  readonly server: string
  /** Bytes of files. */
  readonly used: number
  /** How many there may be; 0 for any number. */
  readonly limit: number
  /** Where the account is activated. */
  readonly leavingUrl: string
}

/** What an account is, and how it stands. */
export function overviewPage(texts: Texts, model: OverviewModel): Html {
  const { account, server, used, limit, leavingUrl } = model
  const { overview } = texts.account
  const confirmed = account.emailConfirmedAt === null ? overview.unconfirmed : overview.confirmed
  const email = account.email === null ? overview.noEmail : `${account.email} (${confirmed})`
  const storage = overview.used(bytes(texts, used), limit === 0 ? null : bytes(texts, limit))
  return html`${
      account.deactivatedAt !== null &&
      html`<p class="note">
        ${overview.deactivated}
        ${account.deleteAfter !== null && overview.deletion(day(texts, Date.parse(account.deleteAfter)))}
        <a href="${leavingUrl}">${overview.activate}</a>
      </p>`
    }
    <dl>
      <dt>${overview.handle}</dt>
      <dd>${shownHandle(account)}</dd>
      <dt>${overview.did}</dt>
      <dd><code>${account.did}</code></dd>
      <dt>${overview.email}</dt>
      <dd>${email}</dd>
      <dt>${overview.storage}</dt>
      <dd>${storage}</dd>
      <dt>${overview.created}</dt>
      <dd>${day(texts, Date.parse(account.createdAt))}</dd>
      <dt>${overview.server}</dt>
      <dd>${server}</dd>
    </dl>`
}
