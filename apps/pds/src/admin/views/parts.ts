import { html, type Fragment, type Html } from '../../pages/html.ts'

/** Fields that each form of the operator's page has. */
export function formFields(form: string, act: string, more: Readonly<Record<string, string>> = {}): Html[] {
  return Object.entries({ do: act, form, ...more }).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  )
}

/** Names and what they are. What is null is left out. */
export function facts(entries: readonly (readonly [name: string, value: Fragment])[]): Html {
  return html`<dl class="facts">
    ${entries
      .filter(([, value]) => value !== null)
      .map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
  </dl>`
}

/** A table; its first column names the row. Where there is little room each row becomes a list. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Fragment[])[],
  none = 'There is none.',
): Html {
  if (rows.length === 0) {
    return html`<h2>${caption}</h2>
      <p class="soft">${none}</p>`
  }
  return html`<table>
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${columns.map((name) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([first, ...rest]) =>
          html`<tr>
            <th scope="row">${first}</th>
            ${rest.map((cell, at) => html`<td data-label="${columns[at + 1]}">${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`
}

/** A field with its label. */
export function field(
  id: string,
  label: string,
  value = '',
  more: { readonly type?: 'text' | 'number'; readonly hint?: string; readonly isRequired?: boolean } = {},
): Html {
  const { type = 'text', hint, isRequired = false } = more
  const hintId = `${id}-hint`
  return html`<div class="field">
    <label for="${id}">${label}</label>
    ${
      isRequired
        ? html`<input type="${type}" id="${id}" name="${id}" value="${value}" autocomplete="off" required />`
        : html`<input type="${type}" id="${id}" name="${id}" value="${value}" autocomplete="off" />`
    }
    ${hint !== undefined && html`<p class="hint" id="${hintId}">${hint}</p>`}
  </div>`
}

/** A time as people read it. */
export const time = (iso: string | null): Fragment =>
  iso === null ? 'never' : html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes as people read them. */
export function bytes(count: number): string {
  const power = count < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10))
  const number = count / 1024 ** power
  return `${power === 0 ? number : number.toFixed(1)} ${UNITS[power]}`
}

/** A number, in groups of three. */
export const count = (number: number): string => number.toLocaleString('en')

/** A page of ours with parameters. */
export const link = (path: string, parameters: Readonly<Record<string, string>>, text: Fragment): Html =>
  html`<a href="${`${path}?${new URLSearchParams(parameters).toString()}`}">${text}</a>`

/** An account, by a way to its page. */
export const accountLink = (did: string, text: Fragment = did): Html =>
  link('/admin/account', { account: did }, text)
