/** Prints one line of a command's result. */
export type Print = (line: string) => void

/** A command that could not do what it was asked; the message says why. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** A number with the right form of its noun. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The first of many, for one line. */
export function some(list: readonly string[], max = 5): string {
  const rest = list.length - max
  return `${list.slice(0, max).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
