// The lexicons that are in force. Others may take their place while it runs; whoever needs them asks each time.

import { createJudge, type Judge } from '../index/validity.ts'
import type { Lexicons } from './load.ts'

/** Lexicons, and what judges by them. */
export type Edition = {
  /** 0 at the start, one more with each change: what threads made by lexicons of before is told by it. */
  readonly number: number
  readonly lexicons: Lexicons
  readonly judge: Judge
}

/** The edition in force, and the next one. */
export type Editions = {
  now(): Edition
  /** What would follow; nothing is changed. */
  next(lexicons: Lexicons): Edition
  /** From now on it is this one. */
  enter(edition: Edition): void
}

/** Begins with these. */
export function createEditions(lexicons: Lexicons): Editions {
  const editionOf = (number: number, given: Lexicons): Edition => ({
    number,
    lexicons: given,
    judge: createJudge(given.catalog),
  })
  let current = editionOf(0, lexicons)
  return {
    now: () => current,
    next: (given) => editionOf(current.number + 1, given),
    enter(edition) {
      current = edition
    },
  }
}
