import { randomInt } from 'node:crypto'

/** Base32 in lower case: five bits a character. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/**
 * Text that nobody can guess, in groups with hyphens between them.
 * @param alphabet what it is made of; default: 32 letters and digits
 */
export function randomText(groups: number, length: number, alphabet: string = BASE32): string {
  const group = (): string => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]!).join('')
  return Array.from({ length: groups }, group).join('-')
}
