import type { CreationOptions, RequestOptions } from '../../factors/webauthn-json.ts'
import { html, type Html } from '../html.ts'
import type { Texts } from '../texts/texts.ts'
import { hidden, type HiddenFields } from './parts.ts'

/** A form that a passkey answers. The script of the page fills it in. */
export interface PasskeyForm {
  readonly action: string
  readonly fields: HiddenFields
  /** What the browser is asked for: a signature, or a new passkey. */
  readonly kind: 'get' | 'create'
  readonly options: RequestOptions | CreationOptions
  /** Whether the browser is asked as soon as the page is there. */
  readonly isAuto: boolean
  /** Whether it is hidden from browsers without passkeys, or scripts. */
  readonly isHidden: boolean
  readonly label: string
}

/** A form that a passkey answers, and what is said when none does. */
export function passkeyForm(texts: Texts, form: PasskeyForm): Html {
  const { action, fields, kind, options, isAuto, isHidden, label } = form
  return html`<div ${isHidden && html` data-passkeys hidden`}>
    <p class="alert" role="alert" data-passkey-failed hidden>${texts.passkey.failed}</p>
    <p class="alert" role="alert" data-passkey-known hidden>${texts.passkey.known}</p>
    <form
      method="post"
      action="${action}"
      data-passkey="${kind}"
      data-options="${JSON.stringify(options)}"
      ${isAuto && html` data-auto`}
    >
      ${hidden({ ...fields, passkey: '' })}
      <button>${label}</button>
    </form>
  </div>`
}

/** What the page of a sign-in by passkey shows. */
export interface PasskeyModel {
  readonly action: string
  readonly fields: HiddenFields
  readonly options: RequestOptions
  readonly ticket: string
  readonly remember: boolean
  readonly restartUrl: string
}

/** Signing in with a passkey alone. */
export function passkeyPage(texts: Texts, model: PasskeyModel): Html {
  const { action, options, ticket, remember, restartUrl } = model
  const fields = { ...model.fields, do: 'passkey', ticket, ...(remember ? { remember: 'yes' } : {}) }
  const { passkey } = texts
  return html`<p>${passkey.ask}</p>
    <noscript><p class="note">${passkey.needsScript}</p></noscript>
    ${passkeyForm(texts, { action, fields, kind: 'get', options, isAuto: true, isHidden: false, label: passkey.use })}
    <a class="button quiet" href="${restartUrl}">${passkey.instead}</a>`
}
