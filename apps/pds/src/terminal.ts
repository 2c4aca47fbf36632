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
