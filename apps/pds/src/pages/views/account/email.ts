import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { textField } from '../fields.ts'
import { hidden } from '../parts.ts'

/** The address of an account: whether it is confirmed, and another one. */
export function emailPage({ texts, account, fields, typed, problem }: Owner): Html {
  const { email } = texts
  const { email: address, emailConfirmedAt } = account
  const isConfirmed = address !== null && emailConfirmedAt !== null
  const button = (act: string, text: string): Html =>
    html`<form method="post" action="/account/email">
      ${hidden({ ...fields, do: act })} <button class="quiet">${text}</button>
    </form>`
  return html`${
      address === null
        ? html`<p>${email.none}</p>`
        : html`<p>
            ${email.present}: <strong>${address}</strong>.
            ${isConfirmed ? email.confirmed : email.unconfirmed}
          </p>`
    }
    ${
      address !== null &&
      !isConfirmed &&
      html`<h2>${email.confirmTitle}</h2>
        ${button('ask-confirm', email.ask(address))}
        <form method="post" action="/account/email">
          ${hidden({ ...fields, do: 'confirm' })}
          ${textField({
            name: 'confirmCode',
            label: email.code,
            hint: email.codeHint,
            autocomplete: 'one-time-code',
            maxLength: 64,
            isWrong: problem !== null && typed('do') === 'confirm',
          })}
          <button>${email.confirm}</button>
        </form>`
    }
    <h2>${email.changeTitle}</h2>
    ${
      isConfirmed &&
      html`<p>${email.twoSteps}</p>
        ${button('ask-change', email.ask(address))}`
    }
    <form method="post" action="/account/email">
      ${hidden({ ...fields, do: 'change' })}
      ${textField({
        name: 'email',
        type: 'email',
        label: email.newAddress,
        autocomplete: 'email',
        value: typed('email'),
        isWrong: problem !== null && typed('do') === 'change',
      })}
      ${
        isConfirmed &&
        textField({
          name: 'code',
          label: email.code,
          hint: email.codeHint,
          autocomplete: 'one-time-code',
          maxLength: 64,
          isWrong: problem !== null && typed('do') === 'change',
        })
      }
      <button>${email.change}</button>
    </form>`
}
