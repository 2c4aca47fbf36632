import type { ShownClient } from '@avocet/oauth-server'

import { html, type Fragment, type Html } from '../html.ts'
import { MIN_PASSWORD } from '../new-password.ts'
import type { Texts } from '../texts/texts.ts'
import { textField, tickBox } from './fields.ts'
import { alert, appName, denyForm, hidden, type HiddenFields } from './parts.ts'

/** What somebody typed who wants an account. The password is not shown again. */
export interface SignUpValues {
  readonly name: string
  readonly domain: string
  readonly email: string
  readonly invite: string
  readonly remember: boolean
}

/** What is wrong about it. */
export interface SignUpProblem {
  readonly text: string
  /** The field that it is about; null for none. */
  readonly field: 'name' | 'email' | 'password' | 'invite' | 'terms' | null
}

/** What the page on which accounts are made shows. */
export interface SignUpModel {
  readonly client: ShownClient
  readonly fields: HiddenFields
  readonly values: SignUpValues
  readonly problem: SignUpProblem | null
  /** Endings of the handles given out here, each with its leading dot. */
  readonly domains: readonly string[]
  readonly inviteRequired: boolean
  /** What has to be agreed to; null where there is no such document. */
  readonly termsUrl: string | null
  readonly privacyUrl: string | null
  readonly signInUrl: string
}

/** A new account. */
export function signUpPage(texts: Texts, model: SignUpModel): Html {
  const { signIn, signUp } = texts
  const { client, fields, values, problem, inviteRequired, signInUrl } = model
  const isWrong = (name: SignUpProblem['field']): boolean => problem?.field === name
  const focused = problem?.field ?? (inviteRequired ? 'invite' : 'name')
  const common = (name: 'name' | 'email' | 'password' | 'invite') => ({
    name,
    isWrong: isWrong(name),
    isFocused: focused === name,
  })
  return html`<p>${signIn.toContinue(appName(client))}</p>
    ${alert(problem?.text ?? null)}
    <form method="post" action="/oauth/authorize">
      ${hidden({ ...fields, do: 'sign-up' })}
      ${
        inviteRequired &&
        textField({
          ...common('invite'),
          label: signUp.invite,
          hint: signUp.inviteHint,
          autocomplete: 'off',
          value: values.invite,
        })
      }
      ${textField({
        ...common('name'),
        label: signUp.name,
        hint: signUp.nameHint,
        autocomplete: 'off',
        value: values.name,
        after: endings(texts, model),
      })}
      ${textField({
        ...common('email'),
        type: 'email',
        label: signUp.email,
        hint: signUp.emailHint,
        // The user name that a password manager keeps with the password below.
        autocomplete: 'username',
        value: values.email,
      })}
      ${textField({
        ...common('password'),
        type: 'password',
        label: signIn.password,
        hint: texts.reset.passwordHint(MIN_PASSWORD),
        autocomplete: 'new-password',
        minLength: MIN_PASSWORD,
        maxLength: 256,
      })}
      ${agreement(texts, model, isWrong('terms'))}
      ${tickBox({
        name: 'remember',
        label: signIn.remember,
        hint: signIn.rememberHint,
        isTicked: values.remember,
      })}
      <button>${signUp.submit}</button>
    </form>
    <a class="button quiet" href="${signInUrl}">${signUp.haveOne}</a>
    ${denyForm(fields, signIn.cancel)}`
}

/** How handles end here. */
function endings({ signUp }: Texts, { domains, values }: SignUpModel): Html {
  if (domains.length === 1) return html`<span>${domains[0]}</span>`
  const options = domains.map(
    (domain) =>
      html`<option value="${domain}" ${domain === values.domain && html` selected`}>${domain}</option>`,
  )
  return html`<select name="domain" aria-label="${signUp.ending}">
    ${options}
  </select>`
}

function agreement({ footer, signUp }: Texts, model: SignUpModel, isWrong: boolean): Html | null {
  const { termsUrl, privacyUrl } = model
  const link = (url: string | null, text: string): Fragment =>
    url !== null && html`<li><a href="${url}" target="_blank" rel="noopener">${text}</a></li>`
  if (termsUrl === null && privacyUrl === null) return null
  return html`${tickBox({ name: 'terms', label: signUp.agree, isRequired: true, isWrong })}
    <ul class="hint">
      ${link(termsUrl, footer.terms)}${link(privacyUrl, footer.privacy)}
    </ul>`
}
