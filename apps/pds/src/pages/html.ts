// Markup is made by `html` alone, which escapes what is put into it: a text cannot become markup by being forgotten.
const MARKUP: unique symbol = Symbol('markup')

/** Markup that is safe to send. */
export interface Html {
  readonly [MARKUP]: string
}

/** What a template may hold. Texts and numbers are escaped; null, undefined and false are nothing. */
export type Fragment = Html | string | number | null | undefined | false | readonly Fragment[]

/**
 * A template of markup. Values stand between tags or in quoted attributes, never in a tag's name, an unquoted attribute, a script or
 * a style. A URL from a stranger has to be checked before: escaping does not stop `javascript:`.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  let markup = strings[0]!
  values.forEach((value, index) => {
    markup += render(value) + strings[index + 1]!
  })
  return { [MARKUP]: markup }
}

/** The text of markup, to send it. */
export function markupOf(made: Html): string {
  return made[MARKUP]
}

/** A style sheet of this program. Nothing that comes from elsewhere belongs into one, but colours that were checked. */
export function styleElement(sheet: string): Html {
  return { [MARKUP]: `<style>${sheet}</style>` }
}

/** A script of this program. Nothing that comes from elsewhere belongs into one. */
export function scriptElement(source: string): Html {
  return { [MARKUP]: `<script>${source}</script>` }
}

function render(value: Fragment): string {
  if (value === null || value === undefined || value === false) return ''
  if (typeof value === 'string') return escape(value)
  if (typeof value === 'number') return String(value)
  if (isMarkup(value)) return value[MARKUP]
  return value.map(render).join('')
}

const isMarkup = (value: Html | readonly Fragment[]): value is Html => MARKUP in value

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!)
}
