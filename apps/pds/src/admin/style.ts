/** What the operator's page needs beside the style of all pages. Tables become lists where there is little room. */
export const ADMIN_STYLE = `
.menu ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0 0 1rem; padding: 0 }
.menu a { display: inline-block; min-height: 1.75rem; padding: .125rem 0 } .menu a[aria-current] { font-weight: 700; text-decoration: none }
.wide { max-width: 72rem }
table { width: 100%; border-collapse: collapse; margin: 0 0 1rem; font-size: .9375rem } caption { text-align: left; font-weight: 600; padding: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .375rem .75rem .375rem 0; border-top: 1px solid var(--line) } td { min-width: 6.5rem } th[scope=col], td time { white-space: nowrap }
.facts { display: grid; grid-template-columns: minmax(9rem, 14rem) 1fr; gap: .25rem 1rem; margin: 0 0 1rem } .facts dd { margin: 0 }
.ways { display: flex; flex-wrap: wrap; gap: .5rem }
.act { border-top: 1px solid var(--line); padding: .75rem 0 } .act button { width: auto; min-width: 12rem }
.filter { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin: 0 0 1rem } .filter .field { margin: 0; flex: 1 1 10rem } .filter button { width: auto; margin: 0 }
@media (max-width: 60rem) {
  thead { display: none } table, caption, tbody, tr, td, th[scope=row] { display: block } tr { border-top: 1px solid var(--line); padding: .375rem 0 }
  td, th[scope=row] { border: 0; padding: .0625rem 0; min-width: 0 } td[data-label]::before { content: attr(data-label) ": "; color: var(--soft) }
}
@media (max-width: 40rem) {
  .facts { grid-template-columns: 1fr; gap: 0 } .facts dd { margin-bottom: .5rem }
}
`
