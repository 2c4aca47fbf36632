import type { Brand } from './brand.ts'

/** Black or white, whichever is read better on a colour. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function inkOn(colour: string): '#000' | '#fff' {
  const light = luminance(colour)
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? '#fff' : '#000'
}

/** Relative luminance of `#rrggbb`, 0 to 1. https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** The style sheet of all pages. What it says of colours is from the settings, which take nothing but `#rrggbb`. */
export function styleSheet({ primary, error, warning }: Brand): string {
  return `
:root { color-scheme: light dark; --brand: ${primary}; --on-brand: ${inkOn(primary)}; --error: ${error}; --on-error: ${inkOn(error)};
  --warning: ${warning}; --back: #f4f5f7; --card: #fff; --ink: #16181d; --soft: #50555f; --line: #8a909b }
@media (prefers-color-scheme: dark) {
  :root { --back: #101216; --card: #1a1d23; --ink: #eceef2; --soft: #b0b6c1; --line: #7d8490 }
}
*, *::before, *::after { box-sizing: border-box } [hidden] { display: none !important }
html { font: 100%/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--back); color: var(--ink); overflow-wrap: anywhere }
.page { max-width: 30rem; min-height: 100vh; margin: 0 auto; padding: 1rem; display: flex; flex-direction: column; gap: 1rem }
.wide { max-width: 46rem }
header { display: flex; align-items: center; gap: .75rem; padding-top: 1rem; font-weight: 600 }
header img { max-height: 2.5rem; max-width: 8rem }
main { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem }
.skip { position: absolute; left: -100vw } .skip:focus { position: static; display: inline-block; padding: .75rem }
.tabs { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem; margin: .5rem 0 0; padding: 0 }
.tabs a { display: block; padding: .375rem .625rem; border-radius: .5rem } .tabs a[aria-current] { background: var(--card);
  border: 1px solid var(--line); font-weight: 600; text-decoration: none }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem } h2 { font-size: 1.125rem; margin: 1.5rem 0 .5rem }
p { margin: 0 0 .75rem } .soft { color: var(--soft); font-size: .9375rem }
form { margin: 0 } fieldset { border: 0; margin: 0 0 1rem; padding: 0 } legend { padding: 0; font-weight: 600 }
label { display: block; font-weight: 600; margin-bottom: .25rem }
.field { margin-bottom: 1rem } .hint { color: var(--soft); font-size: .875rem; margin: .25rem 0 0 }
input:not([type=checkbox]):not([type=radio]), select { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit;
  color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
input[aria-invalid=true] { border: 2px solid var(--error) }
input[type=checkbox] { width: 1.25rem; height: 1.25rem; margin: .125rem 0 0; flex: none; accent-color: var(--brand) }
.check { display: flex; gap: .75rem; align-items: flex-start; padding: .5rem 0 } .check label { font-weight: 400; margin: 0 }
button, .button { display: block; width: 100%; min-height: 2.75rem; padding: .5rem 1rem; margin: 0 0 .5rem; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; color: var(--on-brand); background: var(--brand); border: 2px solid var(--brand);
  border-radius: .5rem; cursor: pointer }
.quiet { color: var(--ink); background: none; border-color: var(--line) }
.danger { color: var(--on-error); background: var(--error); border-color: var(--error) }
.inline { display: inline-block; width: auto; margin: 0 }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px }
a { color: inherit }
.alert { border: 2px solid var(--error); border-radius: .5rem; padding: .75rem; margin: 0 0 1rem; font-weight: 600 }
.done { border: 2px solid var(--line); border-left: .375rem solid var(--brand); border-radius: .5rem; padding: .75rem; margin: 0 0 1rem }
.secret { font: 600 1.25rem/1.5 ui-monospace, monospace; user-select: all }
.note { border-left: .25rem solid var(--warning); padding-left: .75rem }
.plain { list-style: none; margin: 0 0 1rem; padding: 0 } .plain > li { border-top: 1px solid var(--line); padding: .5rem 0 }
.plain > li:first-child { border-top: 0 }
.row { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: space-between; align-items: center }
.grow { flex: 1 1 12rem } .joined { display: flex; gap: .5rem; align-items: center } .joined > * { flex: 1 1 8rem; min-width: 0 }
.qr { display: block; width: min(100%, 15rem); margin: 0 auto 1rem; border-radius: .5rem }
details { margin: .25rem 0 } summary { cursor: pointer; min-height: 1.5rem } code { font: .875em/1.5 ui-monospace, monospace }
.who { font-weight: 600 } dt { font-weight: 600 } dd { margin: 0 0 .5rem }
footer { color: var(--soft); font-size: .875rem; padding-bottom: 1rem } footer a { display: inline-block; padding: .25rem .75rem .25rem 0 }
@media (prefers-reduced-motion: no-preference) { button, .button { transition: filter .1s } button:hover, .button:hover { filter: brightness(1.1) } }
`
}
