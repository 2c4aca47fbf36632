import { shownHandle } from '../../../account.ts'
import type { SignedIn } from '../../browsers.ts'
import { html, type Html } from '../../html.ts'
import type { Texts } from '../../texts/texts.ts'
import { alert, hidden, type HiddenFields } from '../parts.ts'

/** What stands above the pages of an account. */
export interface NavigationModel {
  readonly handle: string
  readonly links: readonly { readonly url: string; readonly text: string; readonly isHere: boolean }[]
  /** Where the form to sign out goes. */
  readonly action: string
  readonly fields: HiddenFields
  /** Where other accounts of this browser are; null where there is none. */
  readonly accountsUrl: string | null
}

/** Whose account it is, and its pages. */
export function navigation({ account, accounts }: Texts, model: NavigationModel): Html {
  const { handle, links, action, fields, accountsUrl } = model
  return html`<nav aria-label="${account.pages}">
    <div class="row">
      <p class="grow">
        ${account.signedInAs} <strong>${handle}</strong>${
          accountsUrl !== null && html` · <a href="${accountsUrl}">${account.otherAccounts}</a>`
        }
      </p>
      <form method="post" action="${action}">
        ${hidden({ ...fields, do: 'sign-out' })}
        <button class="quiet inline" aria-label="${accounts.signOutOf(handle)}">${accounts.signOut}</button>
      </form>
    </div>
    <ul class="tabs">
      ${links.map(
        ({ url, text, isHere }) =>
          html`<li><a href="${url}" ${isHere && html` aria-current="page"`}>${text}</a></li>`,
      )}
    </ul>
  </nav>`
}

/** What was done a moment ago. */
export function notice(text: string | null): Html | null {
  return text === null ? null : html`<p class="done" role="status">${text}</p>`
}

/** What the page shows on which an owner who is signed in proves themselves again. */
export interface ProveModel {
  readonly action: string
  readonly fields: HiddenFields
  readonly signedIn: SignedIn
  readonly problem: string | null
  /** Where another account signs in. */
  readonly restartUrl: string
}

/** The password once more, or a passkey. */
export function provePage(texts: Texts, model: ProveModel): Html {
  const { action, fields, signedIn, problem, restartUrl } = model
  const { account, signIn } = signedIn
  // What is remembered of this browser stays so.
  const kept = { ...fields, identifier: account.did, ...(signIn.remembered ? { remember: 'yes' } : {}) }
  const { prove } = texts.account
  return html`<p>${prove.why}</p>
    ${alert(problem)}
    <p class="who">${shownHandle(account)}</p>
    <form method="post" action="${action}">
      ${hidden({ ...kept, do: 'sign-in' })}
      <div class="field">
        <label for="password">${texts.signIn.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          maxlength="512"
          autofocus
          ${problem === null ? null : html` aria-invalid="true" aria-errormessage="problem"`}
        />
      </div>
      <button>${prove.submit}</button>
      <button class="quiet" name="with" value="passkey" formnovalidate data-passkeys hidden>
        ${texts.passkey.link}
      </button>
    </form>
    <a class="button quiet" href="${restartUrl}">${prove.other}</a>`
}
