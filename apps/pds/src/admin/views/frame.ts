import type { OperatorFactorState } from '../../operator/operator-factor.ts'
import { html, type Fragment, type Html } from '../../pages/html.ts'
import type { PageContent } from '../../pages/layout.ts'

/** The pages there are, by their paths. */
const MENU: readonly (readonly [path: string, name: string])[] = [['/admin', 'Overview']]

/** What surrounds a page of the operator. */
export interface Frame {
  /** The path of the page. */
  readonly path: string
  readonly form: string
  readonly factor: OperatorFactorState
  /** What was done by the form that led here. */
  readonly done: string | null
}

/** Fields that each form has. */
function formFields(form: string, act: string, more: Readonly<Record<string, string>> = {}): Html[] {
  return Object.entries({ do: act, form, ...more }).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  )
}

/** Says aloud that the password alone opens the page. */
const noFactor = html`<p class="alert">
  No second factor guards this page: whoever has the operator's password has every account. Add one on the
  server, by
  <code>avocet-pds operator factor --add</code>
</p>`

/** A page in its frame: where one is, what is not well, the way out. */
export function framed(frame: Frame, title: string, body: Fragment): PageContent {
  const { path, form, factor, done } = frame
  const entries = MENU.map(([to, name]) =>
    to === path
      ? html`<li><a href="${to}" aria-current="page">${name}</a></li>`
      : html`<li><a href="${to}">${name}</a></li>`,
  )
  return {
    title,
    isWide: true,
    body: html`${factor.active === null && noFactor}
      ${done !== null && html`<p class="note" role="status">${done}</p>`}
      <nav class="menu" aria-label="Operator's page">
        <ul>
          ${entries}
        </ul>
      </nav>
      ${body}
      <h2>Sign out</h2>
      <form method="post" action="/admin/sign-out">
        ${formFields(form, 'sign-out')}<button class="quiet inline">Sign out</button>
      </form>
      <form method="post" action="/admin/sign-out">
        ${formFields(form, 'sign-out-all', { all: 'yes' })}<button class="quiet inline">
          Sign out everywhere
        </button>
      </form>`,
  }
}
