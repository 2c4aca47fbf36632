import type { OperatorFactorState } from '../../operator/operator-factor.ts'
import { html, type Fragment } from '../../pages/html.ts'
import type { PageContent } from '../../pages/layout.ts'
import { alert } from '../../pages/views/parts.ts'
import { formFields } from './parts.ts'

/** The pages there are, by their paths. */
const MENU: readonly (readonly [path: string, name: string])[] = [
  ['/admin', 'Overview'],
  ['/admin/accounts', 'Accounts'],
  ['/admin/invites', 'Invites'],
  ['/admin/storage', 'Storage'],
  ['/admin/stream', 'Firehose and relays'],
  ['/admin/limits', 'Rate limits'],
  ['/admin/errors', 'Errors'],
  ['/admin/mail', 'Mail'],
  ['/admin/audit', 'Audit log'],
]

/** What surrounds a page of the operator. */
export interface Frame {
  /** The path of the page, or of the one it belongs to. */
  readonly path: string
  readonly form: string
  readonly factor: OperatorFactorState
  /** What was done by the form that led here. */
  readonly done: string | null
  /** What went wrong with it. */
  readonly problem: string | null
}

/** Says aloud that the password alone opens the page. */
const noFactor = html`<p class="alert">
  No second factor guards this page: whoever has the operator's password has every account. Add one on the
  server, by
  <code>avocet-pds operator factor --add</code>
</p>`

/** A page in its frame: where one is, what is not well, the way out. */
export function framed(frame: Frame, title: string, body: Fragment): PageContent {
  const { path, form, factor, done, problem } = frame
  const entries = MENU.map(([to, name]) =>
    to === path
      ? html`<li><a href="${to}" aria-current="page">${name}</a></li>`
      : html`<li><a href="${to}">${name}</a></li>`,
  )
  return {
    title,
    isWide: true,
    body: html`${alert(problem)}${done !== null && html`<p class="note" role="status">${done}</p>`}
      ${factor.active === null && noFactor}
      <nav class="menu" aria-label="Operator's page">
        <ul>
          ${entries}
        </ul>
      </nav>
      ${body}
      <h2>Sign out</h2>
      <div class="ways">
        <form method="post" action="/admin/sign-out">
          ${formFields(form, 'sign-out')}<button class="quiet inline">Sign out</button>
        </form>
        <form method="post" action="/admin/sign-out">
          ${formFields(form, 'sign-out-all', { all: 'yes' })}<button class="quiet inline">
            Sign out everywhere
          </button>
        </form>
      </div>`,
  }
}
