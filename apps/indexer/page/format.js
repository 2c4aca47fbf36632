// Small helpers for text and elements. All content comes from strangers: it only ever enters the page as text.

const numbers = new Intl.NumberFormat('en')
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** A number with separators; from ten million on rounded. */
export function count(value) {
  return value >= 10_000_000 ? compact.format(value) : numbers.format(value)
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

/** An element with a class and children (strings become text). */
export function el(name, className, ...children) {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...children)
  return element
}

/** A link inside the record browser. */
export function recordLink(text, ...path) {
  const link = el('a', '', text)
  link.href = `#/${path.map(encodeURIComponent).join('/')}`
  return link
}
