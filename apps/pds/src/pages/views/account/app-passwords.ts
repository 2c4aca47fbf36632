import type { AppPassword } from '@avocet/accounts'

import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { textField, tickBox } from '../fields.ts'
import { hidden } from '../parts.ts'
import { day } from './units.ts'

const ACTION = '/account/app-passwords'

/** The app passwords there are, without their text, and a new one. @param maxName characters of a name */
export function appPasswordsPage(owner: Owner, list: readonly AppPassword[], maxName: number): Html {
  const { texts, fields, typed, problem } = owner
  const { appPasswords } = texts
  const items = list.map(
    ({ name, privileged, createdAt }) =>
      html`<li class="row">
        <div class="grow">
          <span class="who">${name}</span>
          <p class="hint">
            ${appPasswords.made(day(texts, Date.parse(createdAt)))}${
              privileged && html` · ${appPasswords.privileged}`
            }
          </p>
        </div>
        <form method="post" action="${ACTION}">
          ${hidden({ ...fields, do: 'revoke', name })}
          <button class="quiet inline" aria-label="${appPasswords.revokeOf(name)}">
            ${appPasswords.revoke}
          </button>
        </form>
      </li>`,
  )
  return html`<p>${appPasswords.what}</p>
    <h2>${appPasswords.list}</h2>
    ${
      items.length === 0
        ? html`<p>${appPasswords.none}</p>`
        : html`<ul class="plain">
            ${items}
          </ul>`
    }
    <h2>${appPasswords.newTitle}</h2>
    <form method="post" action="${ACTION}">
      ${hidden({ ...fields, do: 'create' })}
      ${textField({
        name: 'name',
        label: appPasswords.name,
        hint: appPasswords.nameHint,
        autocomplete: 'off',
        maxLength: maxName,
        value: typed('do') === 'create' ? typed('name') : '',
        isWrong: problem !== null,
      })}
      ${tickBox({
        name: 'privileged',
        label: appPasswords.privilegedLabel,
        isTicked: typed('privileged') === 'yes',
      })}
      <button>${appPasswords.submit}</button>
    </form>`
}

/** A new app password with its text. */
export function createdPage(
  { texts, url }: Owner,
  { name, password }: { readonly name: string; readonly password: string },
): Html {
  const { appPasswords } = texts
  return html`<p role="status">${appPasswords.createdFor(name)}</p>
    <p><code class="secret">${password}</code></p>
    <p class="note">${appPasswords.once}</p>
    <a class="button" href="${url(ACTION)}">${appPasswords.back}</a>`
}
