import type { ShownClient } from '@avocet/oauth-server'

import { html, type Html } from '../html.ts'
import type { Texts } from '../texts/texts.ts'

/** Fields that a form repeats, so that its answer is about the same request, from the same browser. */
export type HiddenFields = Readonly<Record<string, string>>

/** Hidden fields. */
export function hidden(fields: HiddenFields): readonly Html[] {
  return Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  )
}

/** What went wrong with what was typed; the page begins there, for those who hear it. */
export function alert(problem: string | null): Html | null {
  return problem === null ? null : html`<p class="alert" role="alert" id="problem">${problem}</p>`
}

/** How an app is named in a sentence: empty for one on the person's own device. */
export function appName(client: ShownClient): string {
  if (client.name === null) return client.text
  return client.text === '' ? client.name : `${client.name} (${client.text})`
}

/** A form that ends the request and goes back to the app. */
export function denyForm(fields: HiddenFields, label: string): Html {
  return html`<form method="post" action="/oauth/authorize">
    ${hidden({ ...fields, do: 'deny' })} <button class="quiet">${label}</button>
  </form>`
}

/** The page of an error: what happened, and what to do. */
export function errorPage(texts: Texts, message: string, detail: string | null, next: string | null): Html {
  return html`<p role="alert">${message}</p>
    ${next !== null && html`<p>${next}</p>`}
    ${
      detail !== null &&
      html`<details>
        <summary>${texts.consent.technical}</summary>
        <p><code>${detail}</code></p>
      </details>`
    }`
}
