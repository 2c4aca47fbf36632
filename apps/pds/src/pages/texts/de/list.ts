/** Words in a sentence. */
export function list(words: readonly string[], last = 'oder'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)!}`
}
