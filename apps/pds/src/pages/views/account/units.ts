import type { Texts } from '../../texts/texts.ts'

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** A size as people read it: 1.5 MB. */
export function bytes({ language }: Pick<Texts, 'language'>, size: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(size, 1)) / 3), UNITS.length - 1)
  const options = { style: 'unit', unit: UNITS[power]!, maximumFractionDigits: 1 } as const
  return new Intl.NumberFormat(language, options).format(size / 1000 ** power)
}

/** A day, in UTC. @param at ms since 1970 */
export function day({ language }: Pick<Texts, 'language'>, at: number): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(at)
}

/** A moment, to the minute, in UTC. @param at ms since 1970 */
export function moment({ language }: Pick<Texts, 'language'>, at: number): string {
  const options = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' } as const
  return `${new Intl.DateTimeFormat(language, options).format(at)} UTC`
}
