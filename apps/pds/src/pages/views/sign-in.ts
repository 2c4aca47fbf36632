import type { ShownClient } from '@avocet/oauth-server'

import type { RequestOptions } from '../../factors/webauthn-json.ts'
import { html, type Html } from '../html.ts'
import type { Texts } from '../texts/texts.ts'
import { passkeyForm } from './passkey.ts'
import { alert, appName, denyForm, hidden, type HiddenFields } from './parts.ts'

/** What the page of a sign-in shows. */
export interface SignInModel {
  /** The app that it is for; null for none. */
  readonly client: ShownClient | null
  readonly action: string
  readonly fields: HiddenFields
  readonly identifier: string
  readonly problem: string | null
  /** Where the accounts of this device are; null where there are none. */
  readonly accountsUrl: string | null
  /** Where an account is made for it; null where there is no such way. */
  readonly signUpUrl: string | null
  readonly resetUrl: string
}

/** Handle and password. */
export function signInPage(
  texts: Texts,
  { client, action, fields, identifier, problem, accountsUrl, signUpUrl, resetUrl }: SignInModel,
): Html {
  const { signIn } = texts
  const wrong = problem !== null
  return html`<p>${client === null ? signIn.toAccount : signIn.toContinue(appName(client))}</p>
    ${alert(problem)}
    <form method="post" action="${action}">
      ${hidden({ ...fields, do: 'sign-in' })}
      <div class="field">
        <label for="identifier">${signIn.identifier}</label>
        <input
          id="identifier"
          name="identifier"
          value="${identifier}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
          maxlength="512"
          aria-describedby="identifier-hint"
          ${
            wrong ? html` aria-invalid="true" aria-errormessage="problem"` : null
          }${identifier === '' ? html` autofocus` : null}
        />
        <p class="hint" id="identifier-hint">${signIn.identifierHint}</p>
      </div>
      <div class="field">
        <label for="password">${signIn.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          maxlength="512"
          aria-describedby="password-hint"
          ${
            wrong ? html` aria-invalid="true" aria-errormessage="problem"` : null
          }${identifier === '' ? null : html` autofocus`}
        />
        <p class="hint" id="password-hint">${signIn.passwordHint}</p>
      </div>
      <div class="check">
        <input type="checkbox" id="remember" name="remember" value="yes" aria-describedby="remember-hint" />
        <div>
          <label for="remember">${signIn.remember}</label>
          <p class="hint" id="remember-hint">${signIn.rememberHint}</p>
        </div>
      </div>
      <button>${signIn.submit}</button>
      <button class="quiet" name="with" value="passkey" formnovalidate data-passkeys hidden>
        ${texts.passkey.link}
      </button>
    </form>
    <p><a href="${resetUrl}">${texts.reset.link}</a></p>
    ${signUpUrl !== null && html`<a class="button quiet" href="${signUpUrl}">${texts.signUp.link}</a>`}
    ${accountsUrl !== null && html`<a class="button quiet" href="${accountsUrl}">${signIn.otherAccounts}</a>`}
    ${client !== null && denyForm(fields, signIn.cancel)}`
}

/** What the page of a second factor shows. */
export interface FactorModel {
  readonly action: string
  readonly fields: HiddenFields
  readonly kinds: readonly string[]
  /** What the browser is asked where the account has passkeys; null where it has none. */
  readonly passkey: RequestOptions | null
  readonly ticket: string
  readonly remember: boolean
  readonly problem: string | null
  readonly mailed: boolean
  readonly restartUrl: string
}

/** The code of a second factor. */
export function factorPage(texts: Texts, model: FactorModel): Html {
  const { factor } = texts
  const { action, kinds, passkey, ticket, remember, problem, mailed } = model
  const fields = { ...model.fields, ticket, kinds: kinds.join(' '), ...(remember ? { remember: 'yes' } : {}) }
  const codes = kinds.filter((kind) => kind !== 'passkey')
  const isAlone = codes.length === 1 && passkey !== null
  return html`${alert(problem)} ${mailed && html`<p role="status">${factor.mailed}</p>`}
    ${
      passkey !== null &&
      passkeyForm(texts, {
        action,
        fields: { ...fields, do: 'factor-passkey' },
        kind: 'get',
        options: passkey,
        // Whoever has nothing else is asked at once, but not once more after a wrong one.
        isAuto: isAlone && problem === null,
        isHidden: true,
        label: texts.passkey.use,
      })
    }
    <form method="post" action="${action}">
      ${hidden({ ...fields, do: 'factor' })}
      <div class="field">
        <label for="code">${factor.code}</label>
        <input
          id="code"
          name="code"
          autocomplete="one-time-code"
          autocapitalize="none"
          spellcheck="false"
          required
          maxlength="64"
          autofocus
          aria-describedby="code-hint"
          ${problem === null ? null : html` aria-invalid="true" aria-errormessage="problem"`}
        />
        <p class="hint" id="code-hint">${isAlone ? factor.passkeyOnly : factor.hint(codes)}</p>
      </div>
      <button>${factor.submit}</button>
    </form>
    ${
      kinds.includes('email') &&
      html`<form method="post" action="${action}">
        ${hidden({ ...fields, do: 'mail-code' })} <button class="quiet">${factor.mail}</button>
      </form>`
    }
    <a class="button quiet" href="${model.restartUrl}">${factor.restart}</a>`
}
