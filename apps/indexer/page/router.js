// The views of the page: the address says which one is shown (#/<view>/…), and everything in it.
import { problem } from './request.js'

const DEFAULT = 'overview'
// Each visit has a number, so that a slow answer to an earlier one is not shown over a later one.
const visits = { newest: 0 }

/** The parts of the address behind `#/`; what cannot be read is left as it is. */
function place() {
  return location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter(Boolean)
    .map((part) => {
      try {
        return decodeURIComponent(part)
      } catch {
        return part
      }
    })
}

/**
 * Shows what the address says, now and whenever it changes.
 * @param views by name: `section` (the id of its section), `enter(path)` called with the rest of the address, whose nodes (if it gives
 *   any) become the content of `[data-content]` in the section; `leave()` called when another is shown
 */
export function openRouter(views) {
  let shown = null
  const visit = async (isFirst) => {
    const number = ++visits.newest
    const [name = DEFAULT, ...path] = place()
    const view = Object.hasOwn(views, name) ? views[name] : views[DEFAULT]
    const section = document.getElementById(view.section)
    if (shown !== null && shown !== view) shown.leave?.()
    const isOther = shown === null || shown.section !== view.section
    shown = view
    for (const other of document.querySelectorAll('main > section')) other.hidden = other !== section
    for (const link of document.querySelectorAll('#views a')) {
      if (link.dataset.section === view.section) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
    }
    const heading = section.querySelector('h2')
    document.title = `${heading.textContent} · Avocet indexer`
    if (!isFirst) {
      heading.focus({ preventScroll: true })
      if (isOther) window.scrollTo(0, 0)
    }
    const content = section.querySelector('[data-content]')
    content?.setAttribute('aria-busy', 'true')
    let found
    try {
      found = await view.enter?.(path)
    } catch (error) {
      found = [problem(error, () => void visit(false))]
    }
    if (number !== visits.newest) return
    content?.removeAttribute('aria-busy')
    if (found !== undefined) content?.replaceChildren(...found)
  }
  window.addEventListener('hashchange', () => void visit(false))
  void visit(true)
  return { again: () => void visit(false) }
}
