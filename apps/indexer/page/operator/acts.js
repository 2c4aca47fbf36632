// What the operator does: asked for once more where it takes something away, and said in words when it is done.
import { button, el } from '../format.js'
import { ask, problem } from '../request.js'
import { nodes, written } from '../text.js'

const at = (id) => document.getElementById(id)
const dialog = at('sure')
at('sure-yes').addEventListener('click', () => dialog.close('yes'))
at('sure-no').addEventListener('click', () => dialog.close('no'))

/** Says something to whoever sees the page, or hears it. */
export function say(text) {
  at('said').textContent = written(text)
}

/** Asks the indexer to do something. @throws AskError */
export function act(path, body) {
  return ask(
    `/admin/${path}`,
    {},
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  )
}

/** Whether the operator means it. */
export function confirmed(question) {
  at('sure-question').replaceChildren(...nodes(question))
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }),
  )
}

/**
 * Does it, says what came of it, and shows the view anew; what goes wrong is shown at `place`.
 * @param run gives what to say @param sure what to ask before; null: nothing
 */
export async function perform(place, sure, run) {
  if (sure !== null && !(await confirmed(sure))) return
  const buttons = [...place.querySelectorAll('button')]
  for (const one of buttons) one.disabled = true
  place.querySelector('.error')?.remove()
  try {
    say(await run())
    window.dispatchEvent(new HashChangeEvent('hashchange'))
  } catch (error) {
    place.append(problem(error))
  }
  for (const one of buttons) one.disabled = false
}

/** Buttons side by side: `[text, name for who hears it, question or null, run]`. */
export function actions(...list) {
  const place = el('div', 'acts')
  for (const [text, name, sure, run] of list) {
    const one = button(text, () => void perform(place, sure, run))
    if (name !== text) one.setAttribute('aria-label', written(name))
    place.append(one)
  }
  return place
}

/** The words of a field. */
export function wordsOf(text) {
  return text.split(/[\s,]+/).filter((word) => word !== '')
}
