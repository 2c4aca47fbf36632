import { html, type Html } from '../html.ts'
import { MIN_PASSWORD } from '../new-password.ts'
import type { Texts } from '../texts/texts.ts'
import { textField } from './fields.ts'
import { alert, hidden, type HiddenFields } from './parts.ts'

/** What both pages of a reset show. */
export interface ResetModel {
  readonly path: string
  readonly fields: HiddenFields
  readonly problem: string | null
  /** The other of the two pages. */
  readonly otherUrl: string
  /** The sign-in that it began at; null where it began at none. */
  readonly signInUrl: string | null
}

const backLink = (texts: Texts, { signInUrl }: ResetModel): Html | null =>
  signInUrl === null
    ? null
    : html`<a class="button quiet" href="${signInUrl}">${texts.reset.backToSignIn}</a>`

/** Asks where the code goes. */
export function askResetPage(texts: Texts, model: ResetModel, email: string): Html {
  const { path, fields, problem, otherUrl } = model
  const { reset } = texts
  return html`<p>${reset.ask}</p>
    ${alert(problem)}
    <form method="post" action="${path}">
      ${hidden({ ...fields, do: 'ask' })}
      ${textField({
        name: 'email',
        type: 'email',
        label: reset.email,
        autocomplete: 'email',
        value: email,
        isWrong: problem !== null,
        isFocused: true,
      })}
      <button>${reset.submitEmail}</button>
    </form>
    <a class="button quiet" href="${otherUrl}">${reset.haveCode}</a>
    ${backLink(texts, model)}`
}

/** What the page of the code shows beside that. */
export interface ResetCodeModel extends ResetModel {
  /** Whether a code was asked for just now. */
  readonly wasAsked: boolean
  readonly code: string
  readonly wrong: 'code' | 'password' | null
}

/** Takes the code, and the new password. */
export function resetCodePage(texts: Texts, model: ResetCodeModel): Html {
  const { path, fields, problem, otherUrl, wasAsked, code, wrong } = model
  const { reset } = texts
  return html`${wasAsked && html`<p role="status">${reset.asked}</p>`} ${alert(problem)}
    <form method="post" action="${path}">
      ${hidden({ ...fields, do: 'reset' })}
      ${textField({
        name: 'code',
        label: reset.code,
        hint: reset.codeHint,
        autocomplete: 'one-time-code',
        maxLength: 64,
        value: code,
        isWrong: wrong === 'code',
        isFocused: wrong !== 'password',
      })}
      ${textField({
        name: 'password',
        type: 'password',
        label: reset.password,
        hint: reset.passwordHint(MIN_PASSWORD),
        autocomplete: 'new-password',
        minLength: MIN_PASSWORD,
        maxLength: 256,
        isWrong: wrong === 'password',
        isFocused: wrong === 'password',
      })}
      <p class="soft">${reset.ends}</p>
      <button>${reset.submit}</button>
    </form>
    <a class="button quiet" href="${otherUrl}">${reset.again}</a>
    ${backLink(texts, model)}`
}

/** The password is another one now. */
export function resetDonePage({ reset }: Texts, nextUrl: string): Html {
  return html`<p role="status">${reset.done}</p>
    <a class="button" href="${nextUrl}">${reset.goOn}</a>`
}
