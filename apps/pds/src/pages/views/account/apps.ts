import { describeScopes } from '@avocet/oauth-scopes'

import type { GrantedScopes } from '../../../oauth/oauth.ts'
import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { sayContents, sayLine } from '../consent.ts'
import { hidden } from '../parts.ts'
import { moment } from './units.ts'

/** An app that an account let in. */
export interface ConnectedApp {
  readonly clientId: string
  /** As on the page of consent; empty for one on the person's own device. */
  readonly name: string
  /** In ms since 1970; null where nothing but the consent is left. */
  readonly times: { readonly since: number; readonly used: number } | null
  readonly granted: GrantedScopes
}

/** The apps that an account let in, with what they may do. */
export function appsPage({ texts, fields }: Owner, list: readonly ConnectedApp[]): Html {
  const { apps } = texts
  if (list.length === 0) return html`<p>${apps.none}</p>`
  const items = list.map(({ clientId, name, times, granted }) => {
    const shown = name === '' ? apps.onDevice : name
    const lines = describeScopes(granted.scopes, { sets: granted.sets, languages: [texts.language] })
    return html`<li>
      <div class="row">
        <div class="grow">
          <span class="who">${shown}</span>
          <p class="hint">
            ${times === null ? apps.remembered : apps.times(moment(texts, times.since), moment(texts, times.used))}
          </p>
        </div>
        <form method="post" action="/account/apps">
          ${hidden({ ...fields, do: 'end', client: clientId })}
          <button class="quiet inline" aria-label="${apps.endOf(shown)}">${apps.end}</button>
        </form>
      </div>
      <details>
        <summary>${apps.may}</summary>
        <ul>
          ${lines.map((line) => html`<li>${sayLine(texts, line)}${sayContents(texts, line)}</li>`)}
        </ul>
      </details>
    </li>`
  })
  return html`<p>${apps.what}</p>
    <ul class="plain">
      ${items}
    </ul>`
}
