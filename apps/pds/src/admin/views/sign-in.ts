import { html } from '../../pages/html.ts'
import type { PageContent } from '../../pages/layout.ts'
import { alert } from '../../pages/views/parts.ts'
import { formFields } from './parts.ts'

/** What the sign-in shows. */
export interface SignInShown {
  readonly form: string
  /** The page to go on to. */
  readonly next: string
  readonly hasFactor: boolean
  readonly problem: string | null
}

/** The operator's sign-in: the password, and the code where a factor guards the page. */
export function signInView({ form, next, hasFactor, problem }: SignInShown): PageContent {
  const invalid = problem === null ? 'false' : 'true'
  const body = html`${alert(problem)}
    <p>This page is for whoever runs this server. Accounts sign in with their apps.</p>
    <form method="post" action="/admin/sign-in">
      ${formFields(form, 'sign-in', { next })}
      <input type="text" name="username" value="admin" autocomplete="username" hidden />
      <div class="field">
        <label for="password">Operator's password</label>
        <input
          type="password"
          id="password"
          name="password"
          autocomplete="current-password"
          maxlength="512"
          aria-invalid="${invalid}"
          required
        />
      </div>
      ${
        hasFactor &&
        html`<div class="field">
          <label for="code">Code</label>
          <input
            type="text"
            id="code"
            name="code"
            autocomplete="one-time-code"
            autocapitalize="none"
            spellcheck="false"
            maxlength="64"
            aria-invalid="${invalid}"
            aria-describedby="code-hint"
            required
          />
          <p class="hint" id="code-hint">Six digits of the authenticator app, or a recovery code.</p>
        </div>`
      }
      <button>Sign in</button>
    </form>`
  return { title: "Operator's page", body, isWide: false }
}
