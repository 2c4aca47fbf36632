import { html, type Fragment, type Html } from '../html.ts'

/** A field of a form. */
export interface TextField {
  /** Its name in the form. */
  readonly name: string
  /** Default: its name. */
  readonly id?: string
  readonly label: string
  readonly autocomplete: string
  /** Default `text`. */
  readonly type?: 'text' | 'email' | 'password'
  readonly value?: string
  readonly hint?: Fragment
  /** Default 512. */
  readonly maxLength?: number
  readonly minLength?: number
  /** Whether the alert of the page is about it. */
  readonly isWrong?: boolean
  readonly isFocused?: boolean
  /** What stands behind it in its row. */
  readonly after?: Fragment
}

/** A text to type, with its label, and what is said of it to those who hear the page. */
export function textField(field: TextField): Html {
  const { name, label, autocomplete, type = 'text', value = '', hint = null, maxLength = 512 } = field
  const { id = name, minLength, isWrong = false, isFocused = false, after = null } = field
  const input = html`<input
    id="${id}"
    name="${name}"
    type="${type}"
    value="${value}"
    autocomplete="${autocomplete}"
    autocapitalize="none"
    spellcheck="false"
    required
    maxlength="${maxLength}"
    ${minLength !== undefined && html` minlength="${minLength}"`}${
      hint !== null && html` aria-describedby="${id}-hint"`
    }${isWrong && html` aria-invalid="true" aria-errormessage="problem"`}${isFocused && html` autofocus`}
  />`
  return html`<div class="field">
    <label for="${id}">${label}</label>
    ${after === null ? input : html`<div class="joined">${input}${after}</div>`}
    ${hint !== null && html`<p class="hint" id="${id}-hint">${hint}</p>`}
  </div>`
}

/** A box to tick. */
export interface TickBox {
  /** Its id, and its name in the form; ticked, it sends `yes`. */
  readonly name: string
  readonly label: Fragment
  readonly hint?: string
  readonly isRequired?: boolean
  readonly isTicked?: boolean
  readonly isWrong?: boolean
}

/** A box to tick, with its label. */
export function tickBox(box: TickBox): Html {
  const { name, label, hint, isRequired = false, isTicked = false, isWrong = false } = box
  return html`<div class="check">
    <input
      type="checkbox"
      id="${name}"
      name="${name}"
      value="yes"
      ${hint !== undefined && html` aria-describedby="${name}-hint"`}${isRequired && html` required`}${
        isTicked && html` checked`
      }${isWrong && html` aria-invalid="true" aria-errormessage="problem"`}
    />
    <div>
      <label for="${name}">${label}</label>
      ${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    </div>
  </div>`
}
