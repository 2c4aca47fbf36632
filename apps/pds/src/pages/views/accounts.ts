import type { ShownClient } from '@avocet/oauth-server'

import { shownHandle } from '../../account.ts'
import type { SignedIn } from '../browsers.ts'
import { html, type Html } from '../html.ts'
import type { Texts } from '../texts/texts.ts'
import { appName, denyForm, hidden, type HiddenFields } from './parts.ts'

/** What the page of accounts shows. */
export interface AccountsModel {
  /** The app that an account is chosen for; null for none. */
  readonly client: ShownClient | null
  /** Where its forms go. */
  readonly action: string
  readonly fields: HiddenFields
  readonly accounts: readonly SignedIn[]
  readonly urlOf: (did: string) => string
  readonly signInUrl: string
}

/** The accounts that are signed in on a device. */
export function accountsPage(
  texts: Texts,
  { client, action, fields, accounts, urlOf, signInUrl }: AccountsModel,
): Html {
  const items = accounts.map(({ account }) => {
    const handle = shownHandle(account)
    return html`<li class="row">
      <a class="button grow inline" href="${urlOf(account.did)}">${texts.accounts.use(handle)}</a>
      <form method="post" action="${action}">
        ${hidden({ ...fields, do: 'sign-out', account: account.did })}
        <button class="quiet inline" aria-label="${texts.accounts.signOutOf(handle)}">
          ${texts.accounts.signOut}
        </button>
      </form>
    </li>`
  })
  return html`<p>${client === null ? texts.signIn.toAccount : texts.signIn.toContinue(appName(client))}</p>
    <p>${texts.accounts.choose}</p>
    <ul class="plain">
      ${items}
    </ul>
    <a class="button quiet" href="${signInUrl}">${texts.accounts.other}</a>
    ${client !== null && denyForm(fields, texts.signIn.cancel)}`
}
