import type { Row } from './judge.ts'

/** Rows a page can hold without becoming slow; what is not accepted is shown beyond that, up to as many again. */
const MAX_ROWS = 2_000
const OUTCOMES = ['accepted', 'desynchronized', 'refused', 'ignored'] as const

function find<T extends Element>(selector: string, type: new () => T): T {
  const element = document.querySelector(selector)
  if (!(element instanceof type)) throw new Error(`the page has no ${selector}`)
  return element
}

/** The elements of the page. */
export const page = {
  drop: find('#drop', HTMLLabelElement),
  files: find('#files', HTMLInputElement),
  online: find('#online', HTMLInputElement),
  status: find('#status', HTMLOutputElement),
  counts: find('#counts', HTMLElement),
  table: find('#frames', HTMLTableElement),
  rows: find('#frames tbody', HTMLTableSectionElement),
  filter: find('#filter', HTMLSelectElement),
}

/** The verdicts of one capture on the page. */
export class View {
  readonly #counts = new Map<string, number>()
  #pending = document.createDocumentFragment()
  #accepted = 0
  #others = 0

  constructor() {
    page.rows.replaceChildren()
    page.table.hidden = false
    page.counts.hidden = false
  }

  add(row: Row): void {
    this.#counts.set(row.outcome, (this.#counts.get(row.outcome) ?? 0) + 1)
    const shown = row.outcome === 'accepted' ? this.#accepted++ : this.#others++
    if (shown < MAX_ROWS) this.#pending.append(rowOf(row))
  }

  /** Puts what was added on the page. */
  flush(): void {
    page.rows.append(this.#pending)
    for (const outcome of OUTCOMES) {
      const cell = page.counts.querySelector(`[data-count="${outcome}"]`)
      if (cell !== null) cell.textContent = String(this.#counts.get(outcome) ?? 0)
    }
  }

  total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** Everything in a frame is a stranger's text: it is only ever set as text. */
function rowOf(row: Row): HTMLTableRowElement {
  const element = document.createElement('tr')
  element.dataset['outcome'] = row.outcome
  const account = row.handle === null ? (row.did ?? '') : `${row.handle} (${row.did})`
  const cells = [
    String(row.number),
    row.seq === null ? '' : String(row.seq),
    row.type,
    account,
    row.operations.length > 3
      ? `${row.operations.slice(0, 2).join('\n')}\n… ${row.operations.length - 2} more`
      : row.operations.join('\n'),
    row.outcome,
    row.message === '' ? row.reason : `${row.reason}: ${row.message}`,
  ]
  for (const text of cells) element.insertCell().textContent = text
  return element
}
