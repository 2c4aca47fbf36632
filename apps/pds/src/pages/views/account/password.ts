import { MAX_PASSWORD_LENGTH } from '../../../accounts/passwords.ts'
import { shownHandle } from '../../../account.ts'
import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { MIN_PASSWORD } from '../../new-password.ts'
import { textField } from '../fields.ts'
import { hidden } from '../parts.ts'

/** Another password. */
export function passwordPage({ texts, account, fields, problem }: Owner): Html {
  const { password } = texts
  const field = (name: string, label: string, hint?: string): Html =>
    textField({
      name,
      label,
      type: 'password',
      autocomplete: 'new-password',
      minLength: MIN_PASSWORD,
      maxLength: MAX_PASSWORD_LENGTH,
      isWrong: problem !== null,
      ...(hint === undefined ? {} : { hint }),
    })
  // The name is for password managers, which keep the new password under it.
  return html`<p>${password.ends}</p>
    <form method="post" action="/account/password">
      ${hidden({ ...fields, do: 'change' })}
      <input type="text" name="username" value="${shownHandle(account)}" autocomplete="username" hidden />
      ${field('new', password.new, password.hint(MIN_PASSWORD))} ${field('again', password.again)}
      <button>${password.submit}</button>
    </form>`
}
