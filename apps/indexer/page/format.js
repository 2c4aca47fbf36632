// Small helpers for numbers, times and elements. Content comes from strangers: it only ever enters the page as text.
import { nodes, stranger, written } from './text.js'

const numbers = new Intl.NumberFormat('en')
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** A number with separators; from ten million on rounded. */
export function count(value) {
  return value >= 10_000_000 ? compact.format(value) : numbers.format(value)
}

/** A number with its word. */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** A duration for people: `420 ms`, `1.2 s`, `3 min`. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 48 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}

/** The time of day in this time zone. */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString('en-GB')
}

/** Day and time in this time zone. */
export function moment(ms) {
  return `${new Date(ms).toLocaleDateString('en-GB')} ${clock(ms)}`
}

/** Bytes for people. */
export function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3))
  return `${(value / 1000 ** power).toFixed(power > 1 ? 1 : 0)} ${units[power]}`
}

/** A DID shortened in its middle. */
export function shortDid(did) {
  return did.length > 26 ? `${did.slice(0, 16)}…${did.slice(-5)}` : did
}

/** The last two parts of a collection's name, which tell most. */
export function shortCollection(nsid) {
  return nsid.split('.').slice(-2).join('.')
}

/** An element with a class and children. Strings become text, in which what cannot be seen is written out. */
export function el(name, className, ...children) {
  const element = document.createElement(name)
  if (className) element.className = className
  for (const child of children) element.append(...(typeof child === 'string' ? nodes(child) : [child]))
  return element
}

/** A button. */
export function button(text, onClick, className = '') {
  const element = el('button', className, text)
  element.type = 'button'
  element.addEventListener('click', onClick)
  return element
}

/** A list of names and values. `fact(name, …value)` adds one. */
export function factList() {
  const list = el('dl', 'facts')
  const fact = (name, ...value) => list.append(el('dt', '', name), el('dd', '', ...value))
  return { list, fact }
}

/** A link to a place of this page. @param text a stranger's, or an element */
export function placeLink(text, ...path) {
  const link = el('a', '', typeof text === 'string' ? stranger(text) : text)
  link.href = `#/${path.map(encodeURIComponent).join('/')}`
  return link
}

/** A link to an account, a collection of it, or a record. */
export function recordLink(text, ...path) {
  return placeLink(text, 'at', ...path)
}

/** An account by its handle, or by its DID where none is verified. */
export function accountLink(did, handle) {
  const link = recordLink(handle ?? shortDid(did), did)
  link.title = written(did)
  return link
}

/** What a record says in a line, whatever its kind; empty where nobody knows. */
export function gistOf(record) {
  const { text, displayName, name, description, subject } = record
  return (
    [text, displayName, name, description, subject?.uri, subject].find(
      (said) => typeof said === 'string' && said !== '',
    ) ?? ''
  )
}
