import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { textField } from '../fields.ts'
import { hidden } from '../parts.ts'

/** The handle of an account, and another one. @param domains endings of the handles given out here, each with its leading dot */
export function handlePage(owner: Owner, domains: readonly string[]): Html {
  const { texts, account, fields, typed, problem } = owner
  const { handle } = texts
  const isWrong = (act: string): boolean => problem !== null && typed('do') === act
  const ending =
    domains.length === 1
      ? html`<span>${domains[0]}</span>`
      : html`<select name="domain" aria-label="${handle.domain}">
          ${domains.map(
            (domain) =>
              html`<option value="${domain}" ${domain === typed('domain') && html` selected`}>
                ${domain}
              </option>`,
          )}
        </select>`
  return html`<p>
      ${account.handle === null ? handle.none : html`${handle.present}: <strong>${account.handle}</strong>`}
    </p>
    <p class="soft">${handle.keeps}</p>
    ${
      domains.length > 0 &&
      html`<h2>${handle.localTitle}</h2>
        <form method="post" action="/account/handle">
          ${hidden({ ...fields, do: 'local' })}
          ${textField({
            name: 'name',
            label: handle.name,
            hint: handle.nameHint,
            autocomplete: 'off',
            maxLength: 253,
            value: typed('name'),
            isWrong: isWrong('local'),
            after: ending,
          })}
          <button>${handle.submit}</button>
        </form>`
    }
    <h2>${handle.ownTitle}</h2>
    <p>${handle.ownSteps}</p>
    ${instructions(owner)}
    <form method="post" action="/account/handle">
      ${hidden({ ...fields, do: 'own' })}
      ${textField({
        name: 'own',
        label: handle.own,
        hint: handle.ownHint,
        autocomplete: 'off',
        maxLength: 253,
        value: typed('own'),
        isWrong: isWrong('own'),
      })}
      <button>${handle.check}</button>
    </form>`
}

/** How a domain is shown to be one's own. https://atproto.com/specs/handle#handle-resolution */
function instructions({ texts, account, typed }: Owner): Html {
  const { handle } = texts
  const named = typed('own').trim().toLowerCase()
  const domain = /^[a-z0-9.-]{3,253}$/.test(named) ? named : 'example.com'
  const line = (label: string, value: string): Html =>
    html`<dt>${label}</dt>
      <dd><code>${value}</code></dd>`
  return html`<ul>
    <li>
      ${handle.dns}
      <dl>${line(handle.dnsName, `_atproto.${domain}`)} ${line(handle.dnsValue, `did=${account.did}`)}</dl>
    </li>
    <li>
      ${handle.file}
      <dl>
        ${line(handle.fileUrl, `https://${domain}/.well-known/atproto-did`)}
        ${line(handle.fileText, account.did)}
      </dl>
    </li>
  </ul>`
}
