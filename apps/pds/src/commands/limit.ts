import { CommandError } from '../terminal.ts'

/** How many entries a command is to print. @throws CommandError for what is no whole number from 1 on */
export function readLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new CommandError(`not a number of entries: ${text}`)
  return Number(text)
}
