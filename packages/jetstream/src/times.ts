// Times of Jetstream v2: RFC 3339 in UTC with exactly six decimals. `Date` keeps three, so the rest is done here.

const SHAPE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/

/** Unix microseconds of a time; null for what is none. Fewer decimals are taken, and more (cut off). */
export function parseMicros(time: unknown): number | null {
  if (typeof time !== 'string' || time.length > 30 || !SHAPE.test(time)) return null
  const seconds = Date.parse(`${time.slice(0, 19)}Z`)
  if (Number.isNaN(seconds)) return null
  const decimals = time.slice(20, -1).slice(0, 6).padEnd(6, '0')
  return seconds * 1000 + Number(decimals)
}

/** The time of unix microseconds, with six decimals. @throws RangeError outside the years 0 to 9999 */
export function formatMicros(us: number): string {
  const below = ((us % 1_000_000) + 1_000_000) % 1_000_000
  const text = new Date((us - below) / 1000).toISOString()
  if (text.length !== 24) throw new RangeError(`no year of four digits; us=${us}`)
  return `${text.slice(0, 19)}.${String(below).padStart(6, '0')}Z`
}
