// Questions to the indexer. What goes wrong is said with what to do next.
import { button, el } from './format.js'
import { stranger } from './text.js'

const PATIENCE_MS = 20_000
/** Who asks: in memory alone, so that a page of another cannot ask in this one's name, and nothing is left of it. */
const session = { headers: {} }

/** Sends these headers with every question from now on. */
export function askAs(headers) {
  session.headers = headers
}

/** Why a question has no answer. `status`: 0 where nobody answered. */
export class AskError extends Error {
  constructor(status, name, message) {
    super(message)
    this.status = status
    this.name = name
  }
}

/** The answer as JSON. @throws AskError */
export async function ask(path, params = {}, options = {}) {
  const given = Object.entries(params).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  )
  const query = new URLSearchParams(
    given.flatMap(([key, value]) => [value].flat().map((item) => [key, item])),
  )
  let response
  let body
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const headers = { ...session.headers, ...options.headers }
    response = await fetch(`${path}${query.size > 0 ? `?${query}` : ''}`, { signal, ...options, headers })
    body = await response.json()
  } catch (error) {
    if (response !== undefined && !response.ok)
      throw new AskError(response.status, `HTTP ${response.status}`, 'No more was said.')
    const isLate = error?.name === 'TimeoutError'
    throw new AskError(
      0,
      isLate ? 'No answer in time' : 'No answer',
      isLate ? `Nothing came within ${PATIENCE_MS / 1000} seconds.` : 'The connection failed.',
    )
  }
  if (response.ok) return body
  const { error, message } = body ?? {}
  throw new AskError(
    response.status,
    String(error ?? `HTTP ${response.status}`),
    String(message ?? 'No more was said.'),
  )
}

/** What a person can do about it. */
function nextStep({ status }) {
  if (status === 0) return 'See whether the indexer runs and this machine reaches it, then try again.'
  if (status === 401 || status === 403)
    return 'The token is missing or not the one the indexer was started with.'
  if (status === 404) return 'It may have been removed, or was never here. Check the address.'
  if (status === 429 || status === 503) return 'It has much to do. Wait ten seconds, then try again.'
  if (status >= 500) return 'This is a fault of the indexer: its log says more.'
  return 'Check what you asked for.'
}

/** A failure to show. @param again what to do when the person tries again; without: there is no such button */
export function problem(error, again) {
  const isKnown = error instanceof AskError
  const box = el('div', 'error')
  box.setAttribute('role', 'alert')
  box.append(
    el(
      'p',
      '',
      el('strong', '', stranger(isKnown ? error.name : 'This page has a fault', 100)),
      ' ',
      stranger(error.message, 600),
    ),
    el('p', '', isKnown ? nextStep(error) : 'Load it again. If that does not help, report it.'),
  )
  if (again) box.append(button('Try again', again))
  return box
}

/** A list whose next page is fetched by a button. `fetchPage(cursor)` gives `{ items, cursor }`. */
export async function paged(fetchPage, toRow, emptyText, list = el('ul', 'rows')) {
  const status = el('p', 'visually-hidden')
  status.setAttribute('role', 'status')
  const more = button('More', () => void load(), 'more')
  const below = el('div', '', more, status)
  let cursor
  const show = (page) => {
    list.append(...page.items.map(toRow))
    cursor = page.cursor
    more.hidden = cursor === undefined || cursor === null
    if (list.children.length === 0 && more.hidden) below.append(el('p', 'empty', emptyText))
    status.textContent = `${list.children.length} shown${more.hidden ? ', all there are' : ''}`
  }
  const load = async () => {
    more.disabled = true
    below.querySelector('.error')?.remove()
    try {
      show(await fetchPage(cursor))
    } catch (error) {
      below.append(problem(error, () => void load()))
    }
    more.disabled = false
  }
  // The first page is the caller's to fail with.
  show(await fetchPage(undefined))
  return [list, below]
}
