import { createHash } from 'node:crypto'

import { scriptElement, type Html } from './html.ts'

/**
 * The one script of the pages: it asks the browser for a passkey where a form says so, and posts the answer with that form. It reads nothing
 * but the page, and asks no server. What it shows needs it, and is hidden without it: pages work for who has no scripts.
 *
 * - `data-passkeys`: shown where the browser knows passkeys.
 * - A form with `data-passkey="get"` or `"create"` and `data-options`: its field `passkey` becomes the answer. With `data-auto` that begins at
 *   once, where it can; the button begins it again.
 * - `data-passkey-failed`: shown when it came to nothing, `data-passkey-known` when this device has such a passkey already.
 *
 * https://www.w3.org/TR/webauthn-3/#sctn-api
 */
const SOURCE = `(() => {
  const Passkey = window.PublicKeyCredential
  if (!Passkey || !navigator.credentials) return
  const all = (selector) => document.querySelectorAll(selector)
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (at) => at.charCodeAt(0))
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  const list = (named) => named.map((one) => ({ ...one, id: bytes(one.id) }))
  const read = {
    create: (options) =>
      Passkey.parseCreationOptionsFromJSON?.(options) ?? {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: list(options.excludeCredentials),
      },
    get: (options) =>
      Passkey.parseRequestOptionsFromJSON?.(options) ?? {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: list(options.allowCredentials),
      },
  }
  const parts = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']
  const byHand = ({ id, type, response }) => {
    const found = parts.filter((name) => response[name]).map((name) => [name, text(response[name])])
    const transports = response.getTransports?.() ?? []
    return { id, rawId: id, type, clientExtensionResults: {}, response: { ...Object.fromEntries(found), transports } }
  }
  const write = (answer) => {
    try {
      return answer.toJSON()
    } catch {
      return byHand(answer)
    }
  }
  const show = (name) => {
    for (const place of all('[data-passkey-failed], [data-passkey-known]')) place.hidden = !place.matches(name)
  }
  for (const place of all('[data-passkeys]')) place.hidden = false
  for (const form of all('form[data-passkey]')) {
    let isAsking = false
    const ask = async () => {
      if (isAsking) return
      isAsking = true
      show('none')
      const kind = form.dataset.passkey
      try {
        const publicKey = read[kind](JSON.parse(form.dataset.options))
        form.elements.passkey.value = JSON.stringify(write(await navigator.credentials[kind]({ publicKey })))
        form.submit()
      } catch (error) {
        show(error.name === 'InvalidStateError' ? '[data-passkey-known]' : '[data-passkey-failed]')
      }
      isAsking = false
    }
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      ask()
    })
    if ('auto' in form.dataset) ask()
  }
})()`

/** The script as it stands in a page. */
export const PASSKEY_SCRIPT: Html = scriptElement(SOURCE)

/** What the policy of such a page says of it: nothing else runs there. */
export const PASSKEY_SCRIPT_SOURCE: string = `'sha256-${createHash('sha256').update(SOURCE).digest('base64')}'`
