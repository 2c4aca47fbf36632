import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { textField } from '../fields.ts'
import { hidden } from '../parts.ts'
import { day } from './units.ts'

/** Turning an account off and on, and its end. */
export function leavingPage(owner: Owner): Html {
  const { texts, account } = owner
  const { leaving } = texts
  if (account.deactivatedAt === null) {
    return html`<h2>${leaving.pauseTitle}</h2>
      <p>${leaving.pause}</p>
      ${button(owner, 'deactivate', leaving.pauseButton, 'quiet')} ${deletion(owner)}`
  }
  const { deleteAfter } = account
  return html`<h2>${leaving.deactivatedTitle}</h2>
    ${deleteAfter !== null && html`<p class="note">${leaving.planned(day(texts, Date.parse(deleteAfter)))}</p>`}
    <p>${leaving.deactivated}</p>
    ${button(owner, 'activate', leaving.activateButton, '')}
    ${
      deleteAfter === null
        ? deletion(owner)
        : // Deactivated once more, without a plan.
          button(owner, 'deactivate', leaving.keepButton, 'quiet')
    }`
}

function button({ fields }: Owner, act: string, text: string, look: string): Html {
  return html`<form method="post" action="/account/leaving">
    ${hidden({ ...fields, do: act })} <button class="${look}">${text}</button>
  </form>`
}

function deletion(owner: Owner): Html {
  const { texts, account, fields, problem, typed } = owner
  const { leaving } = texts
  const { email } = account
  return html`<h2>${leaving.deleteTitle}</h2>
    <p>${leaving.delete}</p>
    ${
      email !== null &&
      html`<p>${leaving.deleteSteps}</p>
        ${button(owner, 'ask', leaving.ask(email), 'quiet')}`
    }
    <form method="post" action="/account/leaving">
      ${hidden({ ...fields, do: 'delete' })}
      ${
        email !== null &&
        textField({
          name: 'code',
          label: leaving.code,
          hint: leaving.codeHint,
          autocomplete: 'one-time-code',
          maxLength: 64,
          isWrong: problem !== null && typed('do') === 'delete',
        })
      }
      <button class="danger">${leaving.deleteButton}</button>
    </form>`
}
