import { describeScopes, type Description } from '@avocet/oauth-scopes'
import type { AuthorizationPage } from '@avocet/oauth-server'

import { shownHandle, type Account } from '../../account.ts'
import { html, type Html } from '../html.ts'
import type { Texts } from '../texts/texts.ts'
import { appName, denyForm, hidden, type HiddenFields } from './parts.ts'

/** What the page of a consent shows. */
export interface ConsentModel {
  readonly page: AuthorizationPage
  readonly account: Account
  readonly fields: HiddenFields
  /** Texts of the scopes that were left out last time. */
  readonly declined: readonly string[]
  readonly accountsUrl: string
}

/** What an app asks for, a line for each scope and permission set, each to be left out but the first. */
export function consentPage(
  texts: Texts,
  { page, account, fields, declined, accountsUrl }: ConsentModel,
): Html {
  const { consent } = texts
  const { client } = page
  const name = appName(client)
  const left = new Set(declined)
  const items = page.scopes.map(({ text, scope }, index) => {
    const options = { sets: page.sets, languages: [texts.language, ...page.languages] }
    const lines = describeScopes([scope], options)
    const id = `scope-${index}`
    const label = text === 'transition:chat.bsky' ? consent.chat : lines.map((line) => sayLine(texts, line))
    if (text === 'atproto') {
      return html`<li>
        <p>${label}</p>
        <p class="hint">${consent.alwaysNote}</p>
      </li>`
    }
    return html`<li class="check">
      <input
        type="checkbox"
        id="${id}"
        name="scope"
        value="${text}"
        ${left.has(text) ? null : html` checked`}
      />
      <div class="grow">
        <label for="${id}">${label}</label>
        ${lines.map((line) => sayContents(texts, line))}
        <details>
          <summary>${consent.technical}</summary>
          <code>${text}</code>
        </details>
      </div>
    </li>`
  })
  return html`<p class="who">${name === '' ? consent.onDevice : consent.asks(name)}</p>
    ${client.logoUri !== null && html`<p><img src="${client.logoUri}" alt="" width="64" height="64" /></p>`}
    <p>
      ${consent.as}: <strong>${shownHandle(account)}</strong> · <a href="${accountsUrl}">${consent.notYou}</a>
    </p>
    <form method="post" action="/oauth/authorize">
      ${hidden({ ...fields, do: 'consent', account: account.did })}
      <fieldset>
        <legend>${consent.choose}</legend>
        <ul class="plain">
          ${items}
        </ul>
      </fieldset>
      <button>${consent.allow}</button>
    </form>
    ${denyForm(fields, consent.deny)}
    <p class="soft">
      ${client.termsUri !== null && html`<a href="${client.termsUri}" rel="noreferrer">${consent.appTerms}</a> `}${
        client.policyUri !== null &&
        html`<a href="${client.policyUri}" rel="noreferrer">${consent.appPrivacy}</a>`
      }
    </p>`
}

/** A line, and how far it reaches where that is beyond the usual. */
export function sayLine(texts: Texts, line: Description): Html {
  const { broad, critical } = texts.consent
  const mark = line.weight === 'usual' ? null : line.weight === 'broad' ? broad : critical
  return html`${texts.consent.permission(line)}${mark !== null && html` <strong>${mark}.</strong>`} `
}

/** What a permission set gives, line by line. */
export function sayContents(texts: Texts, { subject }: Description): Html | null {
  if (subject.kind !== 'set' || subject.contents.length === 0) return null
  return html`<details>
    <summary>${texts.consent.setContents(subject.contents.length)}</summary>
    <ul>
      ${subject.contents.map((line) => html`<li>${sayLine(texts, line)}</li>`)}
    </ul>
  </details>`
}
