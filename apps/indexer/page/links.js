// What a text of a record leads to. Only to places of this page, and to web pages: any other scheme stays text.
import { el, recordLink } from './format.js'
import { stranger } from './text.js'

const MAX_SHOWN = 300

/** The web address that a text is, and nothing else; null: it is none, or one that hides where it leads. */
export function webAddress(text) {
  if (!/^https?:\/\//i.test(text) || text.length > 2000) return null
  let url
  try {
    url = new URL(text)
  } catch {
    return null
  }
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  return isWeb && url.username === '' && url.password === '' ? url : null
}

/** The parts of an at:// URI or of a DID; null: it is neither. */
export function atPath(text) {
  if (text.length > 3000) return null
  if (/^did:[a-z]+:[\w.:%-]+$/.test(text)) return [text]
  if (!text.startsWith('at://')) return null
  const parts = text.slice(5).split(/[?#]/, 1)[0].split('/')
  return parts.length <= 3 && parts.every((part) => part !== '' && part !== '.' && part !== '..')
    ? parts
    : null
}

/** A text as what it is: a link to a place of this page, to a web page (with the host that is meant), or only text. */
export function linked(text) {
  const path = atPath(text)
  if (path !== null) return recordLink(stranger(text, MAX_SHOWN), ...path)
  const url = webAddress(text)
  if (url === null) return stranger(text)
  const link = el('a', 'web', stranger(text, MAX_SHOWN))
  link.href = url.href
  link.target = '_blank'
  link.rel = 'noopener noreferrer nofollow'
  // Letters that look like others are another host.
  const isPlain = text.toLowerCase().includes(url.host)
  return isPlain ? link : el('span', '', link, el('small', 'host', ` (${url.host})`))
}
