// Dead letters as their operator works on them: those that are tried again or taken away.

import type { Consumer } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

/** Which letters: by number, by account, or all. */
export type LetterChoice =
  | { readonly ids: readonly number[] }
  | { readonly did: string }
  | { readonly all: true }

/** Dead letters. */
export type Letters = {
  /**
   * Has the repos of these letters read anew, and takes the letters away. `left`: letters of no account, or of one that is not followed:
   * nothing can be read for them.
   */
  retry(
    choice: LetterChoice,
  ): Promise<{ readonly repos: number; readonly letters: number; readonly left: number }>
  /** Takes letters away. @returns how many */
  dismiss(choice: LetterChoice): Promise<number>
}

type Letter = { readonly id: number; readonly did: string | null }

/** Letters on an open database. */
export function createLetters(
  db: Database,
  consumer: Pick<Consumer, 'requestResync'>,
  isFollowed: (did: string) => boolean,
): Letters {
  const select = (where: string, ...values: (string | number)[]): Letter[] =>
    db.prepare(`SELECT id, did FROM dead_letters ${where}`).all(...values) as Letter[]

  const find = (choice: LetterChoice): Letter[] => {
    if ('all' in choice) return select('')
    if ('did' in choice) return select('WHERE did = ?', choice.did)
    return [...new Set(choice.ids)].flatMap((id) => select('WHERE id = ?', id))
  }

  const remove = (letters: readonly Letter[]): Promise<number> =>
    db.write(() => {
      const one = db.prepare('DELETE FROM dead_letters WHERE id = ?')
      return letters.reduce((count, { id }) => count + Number(one.run(id).changes), 0)
    })

  return {
    async retry(choice) {
      const letters = find(choice)
      const dids = new Set(letters.flatMap(({ did }) => (did !== null && isFollowed(did) ? [did] : [])))
      const tried = letters.filter(({ did }) => did !== null && dids.has(did))
      // Asked for first: a kill in between leaves letters, not gaps.
      await Promise.all([...dids].map((did) => consumer.requestResync(did as Did)))
      await remove(tried)
      return { repos: dids.size, letters: tried.length, left: letters.length - tried.length }
    },
    dismiss: (choice) => remove(find(choice)),
  }
}
